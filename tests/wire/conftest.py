"""Real servers for the tests on the wire: started once for each module, waited for by connecting, always ended."""

import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

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


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


def wait_for(port: int, process: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + 30
    while process.poll() is None and time.monotonic() < deadline:
        with socket.socket() as client:
            client.settimeout(1)
            if client.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.02)  # between two looks at the port
    pytest.fail(f"{process.args!r} does not listen: {log.read_text('utf-8', 'replace')}")


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
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(Path(__file__).parent), *sys.path[1:]])}
    with log.open("wb") as output:
        process = subprocess.Popen(command, env=environment, stdout=output, stderr=subprocess.STDOUT)
    try:
        wait_for(port, process, log)
        yield port
    finally:
        process.terminate()
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait(10)


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
