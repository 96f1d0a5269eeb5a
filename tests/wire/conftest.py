"""Real servers for the tests on the wire: started once for each module, waited for by connecting, always ended."""

import os
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from bench.processes import free_port, server_process

if TYPE_CHECKING:
    from selenium import webdriver

PYTHON = [sys.executable, "-W", "ignore", "-m"]
WITHOUT_ASSERT = [sys.executable, "-O", "-W", "ignore", "-m"]  # not for all: hypercorn on trio relies on its own
SERVERS = {
    "uvicorn-h11": ["uvicorn", "app:app", "--http", "h11", "--port", "{port}"],
    "uvicorn-httptools": ["uvicorn", "app:app", "--http", "httptools", "--port", "{port}"],
    "hypercorn-asyncio": ["hypercorn", "app:app", "--worker-class", "asyncio", "--bind", "127.0.0.1:{port}"],
    "hypercorn-trio": ["hypercorn", "app:app", "--worker-class", "trio", "--bind", "127.0.0.1:{port}"],
    "granian": ["granian", "app:app", "--interface", "asgi", "--port", "{port}"],
}
CHROMIUM_FLAGS = (
    "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
)  # fmt: skip
# Those that are asked in HTTP/2; hypercorn speaks it on any port.
HTTP2_SERVERS = {
    "uvicorn-h2": ["uvicorn", "app:app", "--http", "zttp", "--http2", "--port", "{port}"],
    "hypercorn-h2": ["hypercorn", "app:app", "--bind", "127.0.0.1:{port}"],
    "granian-h2": ["granian", "app:app", "--interface", "asgi", "--http", "2", "--port", "{port}"],
}
NEEDS = {"uvicorn-httptools": "httptools", "hypercorn-trio": "trio", "uvicorn-h2": "zttp"}

NGINX = shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin:/usr/local/sbin")
CONFIGURATION = """\
daemon off;
pid {scratch}/nginx.pid;
error_log {scratch}/error.log;
events {{}}
http {{
  access_log off;
  client_body_temp_path {scratch}/body; proxy_temp_path {scratch}/proxy; fastcgi_temp_path {scratch}/fastcgi;
  uwsgi_temp_path {scratch}/uwsgi; scgi_temp_path {scratch}/scgi;
  server {{
    listen 127.0.0.1:{port};
    location / {{ proxy_pass http://127.0.0.1:{behind}; proxy_http_version 1.1; }}
  }}
}}
"""


@contextmanager
def serving(name: str, log: Path) -> Iterator[int]:
    """The port on which the server serves `app.py`; its process is gone when the context ends."""
    arguments = {**SERVERS, **HTTP2_SERVERS}[name]
    for module in (arguments[0], NEEDS.get(name, "fastapi")):
        if find_spec(module) is None:
            pytest.skip(f"{module} is not installed")
    port = free_port()
    python = WITHOUT_ASSERT if name == "uvicorn-h11" else PYTHON
    command = python + [part.format(port=port) for part in arguments]
    environment = {"PYTHONPATH": os.pathsep.join([str(Path(__file__).parent), *sys.path[1:]])}
    with server_process(name, command, port, log, environment=environment):
        yield port


@pytest.fixture(scope="module", params=SERVERS)
def server(request: pytest.FixtureRequest) -> str:
    """Its name: the test runs with each."""
    return str(request.param)


@pytest.fixture(scope="module")
def port(server: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    """Of the server: the test runs with each."""
    with serving(server, tmp_path_factory.mktemp("server") / "log") as listening:
        yield listening


@pytest.fixture(scope="module", params=HTTP2_SERVERS)
def http2_port(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    """Of a server that speaks HTTP/2: the test runs with each."""
    with serving(request.param, tmp_path_factory.mktemp("server") / "log") as listening:
        yield listening


@pytest.fixture(scope="module")
def uvicorn_port(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    with serving("uvicorn-h11", tmp_path_factory.mktemp("server") / "log") as listening:
        yield listening


@pytest.fixture(scope="module")
def nginx_port(uvicorn_port: int, tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    """Of nginx as a reverse proxy, with its buffers as they come, in front of uvicorn."""
    if NGINX is None:
        pytest.skip("nginx is not installed")
    scratch, port = tmp_path_factory.mktemp("nginx"), free_port()
    configuration = scratch / "nginx.conf"
    configuration.write_text(CONFIGURATION.format(scratch=scratch, port=port, behind=uvicorn_port))
    command = [NGINX, "-e", str(scratch / "early.log"), "-p", str(scratch), "-c", str(configuration)]
    with server_process("nginx", command, port, scratch / "log"):
        yield port


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator["webdriver.Chrome"]:
    """Headless Chromium, with nothing in it."""
    chromium, chromedriver = shutil.which("chromium"), shutil.which("chromedriver")
    if not chromium or not chromedriver:
        pytest.skip("needs chromium and chromedriver")
    from selenium import webdriver
    from selenium.webdriver.chrome.service import Service

    options = webdriver.ChromeOptions()
    options.binary_location = chromium
    for flag in (*CHROMIUM_FLAGS, f"--user-data-dir={tmp_path_factory.mktemp('profile')}"):
        options.add_argument(flag)
    driver = webdriver.Chrome(options, Service(chromedriver))
    try:
        driver.set_script_timeout(10)
        yield driver
    finally:
        driver.quit()
