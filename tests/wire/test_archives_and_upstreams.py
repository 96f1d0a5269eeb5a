"""Archives, and answers of upstreams, behind real servers."""

import io
import socket
import struct
import threading
import zipfile
from collections.abc import Iterator

import httpx
import pytest

pytest.importorskip("fastapi")

pytestmark = pytest.mark.wire


class Model(threading.Thread):
    """An upstream that answers each request with a token, and then waits for the other side to hang up."""

    def __init__(self) -> None:
        super().__init__(daemon=True)
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self.requests: list[bytes] = []
        self.hung_up = threading.Event()
        self.start()

    def run(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            with connection:
                connection.settimeout(30)
                request = connection.recv(65536)
                while b"\r\n\r\n" not in request or (
                    b"content-length: 7" in request and not request.endswith(b"content")
                ):
                    request += connection.recv(65536)
                self.requests.append(request)
                if b"GET /think " not in request:
                    connection.sendall(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nfirst\r\n")
                if not connection.recv(1):
                    self.hung_up.set()

    def close(self) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self.join(30)


@pytest.fixture
def model() -> Iterator[Model]:
    model = Model()
    try:
        yield model
    finally:
        model.close()


@pytest.mark.parametrize("path", ["generate", "think"], ids=["after a token", "before the head"])
@pytest.mark.parametrize("rudely", [False, True], ids=["with FIN", "with RST"])
def test_an_upstream_is_told_at_once_that_the_client_has_left(
    port: int, model: Model, path: str, rudely: bool, server: str
) -> None:
    with socket.create_connection(("127.0.0.1", port), timeout=20) as client:
        client.sendall(f"GET /proxy/{model.port}/{path} HTTP/1.1\r\nHost: a\r\n\r\n".encode())
        if path == "generate":
            received = b""
            while b"first" not in received:
                received += client.recv(65536)
        else:
            while not model.requests:
                threading.Event().wait(0.01)
        assert not model.hung_up.is_set()
        if rudely:
            client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    assert model.hung_up.wait(10)


def test_content_goes_through(port: int, model: Model) -> None:
    with httpx.stream(
        "POST", f"http://127.0.0.1:{port}/proxy/{model.port}/ask?x=1", content=b"content", timeout=20
    ) as answer:
        assert next(answer.iter_raw()) == b"first"
    assert model.requests[0].startswith(b"POST /ask?x=1 HTTP/1.1\r\n")
    assert model.requests[0].endswith(b"\r\n\r\ncontent")
    assert model.hung_up.wait(10)


@pytest.mark.parametrize("deflate", [False, True], ids=["stored", "deflated"])
def test_an_archive_arrives_whole(port: int, deflate: bool) -> None:
    answer = httpx.get(f"http://127.0.0.1:{port}/archive", params={"deflate": deflate}, timeout=60)
    with zipfile.ZipFile(io.BytesIO(answer.content)) as opened:
        assert opened.testzip() is None
        assert opened.getinfo("zeros").file_size == 3_000_000
        assert "tests/app.py" in opened.namelist()
    assert ("content-length" in answer.headers) is not deflate
