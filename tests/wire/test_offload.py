"""Files handed over to real front servers, which send them."""

import http.client
import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote_from_bytes

import pytest
from bench.processes import free_port, server_process
from tests.wire.conftest import PYTHON

pytestmark = [pytest.mark.wire, pytest.mark.skipif(os.name == "nt", reason="front servers of Unix")]

CONTENT = bytes(range(256)) * 100
NAMES = [
    b"plain.txt",
    b"a b",
    b"50%25.txt",
    b"a?b",
    b"a#b",
    "é寿.txt".encode(),
    b"a+b&c;d,e",
    b"\"'\\",
    b"..a",
    b"dir/in.txt",
]
NGINX = """
{user}
daemon off;
pid {root}/nginx.pid;
error_log {root}/error.log;
events {{}}
http {{
  access_log off;
  client_body_temp_path {root}/t1; proxy_temp_path {root}/t2; fastcgi_temp_path {root}/t3;
  uwsgi_temp_path {root}/t4; scgi_temp_path {root}/t5;
  server {{
    listen 127.0.0.1:{port};
    location / {{ proxy_pass http://127.0.0.1:{upstream}; }}
    location /protected/ {{ internal; alias {files}/; }}
  }}
}}
"""
LIGHTTPD = """
server.document-root = "{root}"
server.port = {port}
server.bind = "127.0.0.1"
server.modules = ("mod_proxy")
proxy.server = ("" => (("host" => "127.0.0.1", "port" => {upstream}, "x-sendfile" => "enable",
  "x-sendfile-docroot" => ("{files}"))))
"""
COMMANDS = {"nginx": ["nginx", "-c", "{conf}", "-p", "{root}"], "lighttpd": ["lighttpd", "-D", "-f", "{conf}"]}
CONFIGURATIONS = {"nginx": NGINX, "lighttpd": LIGHTTPD}


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("files")
    (root / "dir").mkdir()
    for name in NAMES:
        Path(os.fsdecode(os.fsencode(root) + b"/" + name)).write_bytes(CONTENT)
    return root


@pytest.fixture(scope="module", params=COMMANDS)
def front(request: pytest.FixtureRequest, files: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    """The port of a front server, which has one of ours behind it."""
    name: str = request.param
    program = shutil.which(name) or shutil.which(name, path="/usr/sbin:/usr/local/sbin")
    if program is None:
        pytest.skip(f"needs {name}")
    root = tmp_path_factory.mktemp(name)
    upstream, port = free_port(), free_port()
    user = "user root;" if os.getuid() == 0 else ""
    conf = root / "conf"
    conf.write_text(CONFIGURATIONS[name].format(root=root, files=files, port=port, upstream=upstream, user=user))
    server = [*PYTHON, "uvicorn", "tests.wire.offload_app:app", "--port", str(upstream)]
    python_path = os.pathsep.join([str(Path(__file__).parents[2]), os.environ.get("PYTHONPATH", "")])
    command = [program, *(part.format(conf=conf, root=root) for part in COMMANDS[name][1:])]
    environment = {"OFFLOAD_ROOT": str(files), "OFFLOAD_TO": name, "PYTHONPATH": python_path}
    with (
        server_process("uvicorn", server, upstream, root / "log", environment=environment),
        server_process(name, command, port, root / "front.log"),
    ):
        yield port


def get(port: int, path: str, **fields: str) -> tuple[int, http.client.HTTPMessage, bytes]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    try:
        connection.request("GET", path, headers={name.replace("_", "-"): value for name, value in fields.items()})
        answer = connection.getresponse()
        return answer.status, answer.headers, answer.read()
    finally:
        connection.close()


@pytest.mark.parametrize("name", NAMES, ids=lambda name: name.decode())
def test_it_sends_the_file_of_any_name(front: int, name: bytes) -> None:
    status, _, body = get(front, "/files/" + quote_from_bytes(name))
    assert (status, body) == (200, CONTENT)


def test_what_the_application_said_is_kept_and_the_order_is_not(front: int) -> None:
    _, headers, _ = get(front, "/files/plain.txt?filename=b.txt")
    assert headers["content-type"] == "text/plain; charset=utf-8"
    assert headers["content-disposition"] == 'attachment; filename="b.txt"'
    assert headers["cache-control"] == "private"
    assert headers["set-cookie"].startswith("seen=1")
    assert headers["x-accel-redirect"] is headers["x-sendfile"] is None
    for name in ("content-length", "content-type", "etag", "last-modified", "accept-ranges", "date"):
        assert len(headers.get_all(name, [])) == 1, name
    assert headers["content-length"] == str(len(CONTENT))


def test_it_answers_ranges_and_conditions(front: int) -> None:
    _, headers, _ = get(front, "/files/plain.txt")
    status, partial, body = get(front, "/files/plain.txt", Range="bytes=10-19", If_Range=headers["etag"])
    assert (status, partial["content-range"], body) == (206, f"bytes 10-19/{len(CONTENT)}", CONTENT[10:20])
    status, _, body = get(front, "/files/plain.txt", If_None_Match=headers["etag"])
    assert (status, body) == (304, b"")
    status, _, body = get(front, "/files/plain.txt", If_Modified_Since=headers["last-modified"])
    assert (status, body) == (304, b"")


@pytest.mark.parametrize(
    "path", ["/files/nothing", "/files/../../etc/passwd", "/files/%2e%2e/%2e%2e/etc/passwd", "/protected/plain.txt"]
)
def test_nothing_else_is_there(front: int, path: str) -> None:
    assert get(front, path)[0] in {400, 404}
