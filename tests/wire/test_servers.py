"""Every class behind real servers: the answers are read from the socket with h11 and h2, parsers that forgive nothing."""

import json
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

h11 = pytest.importorskip("h11")
pytest.importorskip("fastapi")
pytest.importorskip("orjson")
pytest.importorskip("ujson")
pytest.importorskip("h2")

from tests.wire import h2client  # noqa: E402 - h2 comes with hypercorn

pytestmark = pytest.mark.wire


class Connection:
    """A client's end of one connection."""

    def __init__(self, port: int) -> None:
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=10)
        self.parser = h11.Connection(h11.CLIENT)

    def __enter__(self) -> "Connection":
        return self

    def __exit__(self, *error: object) -> None:
        self.socket.close()

    def ask(self, method: str, path: str, *fields: tuple[str, str]) -> h2client.Answer:
        request = h11.Request(method=method, target=path, headers=[("host", "localhost"), *fields])
        self.socket.sendall(self.parser.send(request) + self.parser.send(h11.EndOfMessage()))
        events = list(self.events())
        body = b"".join(bytes(event.data) for event in events if isinstance(event, h11.Data))
        return h2client.Answer(events[0].status_code, list(events[0].headers), body)

    def events(self) -> Iterator[Any]:
        while True:
            event = self.parser.next_event()
            if event is h11.NEED_DATA:
                self.parser.receive_data(self.socket.recv(65536))
                continue
            if isinstance(event, h11.EndOfMessage):
                return
            assert isinstance(event, (h11.Response, h11.Data)), event
            yield event

    def rest(self) -> bytes:
        """What comes after the answer, until the server closes."""
        data: bytes = self.parser.trailing_data[0]
        while chunk := self.socket.recv(65536):
            data += chunk
        return data


def ask(port: int, method: str, path: str) -> h2client.Answer:
    """One request, one connection; after the answer there is nothing."""
    with Connection(port) as connection:
        answer = connection.ask(method, path, ("connection", "close"))
        assert connection.rest() == b""
        return answer


TEXT, HTML, JSON = b"text/plain; charset=utf-8", b"text/html; charset=utf-8", b"application/json"
ROWS: list[tuple[str, int, bytes | None, bytes]] = [
    ("response", 200, b"application/octet-stream", b"\x00\xff" * 1000),
    ("empty", 200, None, b""),
    ("html", 200, HTML, "<p>grüße</p>".encode()),
    ("text", 200, TEXT, "grüße".encode()),
    ("json", 200, JSON, '{"a":[1,null,"grüße"]}'.encode()),
    ("orjson", 200, JSON, b'{"a":1}'),
    ("ujson", 200, JSON, b'{"a":"\\/"}'),
    ("redirect", 303, None, b""),
    ("memoryview", 200, None, b"ace"),
    ("large", 200, None, b"x" * 1_000_000),
    ("headers", 200, HTML, b"x"),
    ("201", 201, JSON, b"{}"),
    ("204", 204, None, b""),
    ("205", 205, None, b""),
    ("304", 304, None, b""),
    ("404", 404, TEXT, b"x"),
    ("file", 200, TEXT, Path(__file__).with_name("h2client.py").read_bytes()),
    ("memory", 200, TEXT, b"0123456789"),
    ("missing", 404, TEXT, b"Not Found"),
    ("stream", 200, TEXT, "grüße".encode()),
    ("waiting", 200, TEXT, b"ab"),
    ("nothing", 200, TEXT, b""),
    ("long", 200, None, b"x" * 1_000_000),
    ("events", 200, b"text/event-stream; charset=utf-8", b'retry: 1\n\ndata: {"a":1}\n\ndata: b\n\n'),
    ("lines", 200, b"application/jsonl", b'{"a":1}\n"b"\n'),
    ("array", 200, JSON, b'[{"a":1},"b"]'),
    ("csv", 200, b"text/csv; charset=utf-8", b"a,b\r\n1,'=x\r\n"),
]
LENGTHLESS = {204, 304}
STREAMS = {"stream", "waiting", "nothing", "long", "events", "lines", "array", "csv"}


def is_as_it_should(answer: Any, method: str, name: str, status: int, media_type: bytes | None, content: bytes) -> None:
    length = [] if status in LENGTHLESS else [b"%d" % len(content)]
    assert answer.status == status
    assert answer.values(b"content-type") == ([] if media_type is None else [media_type])
    # Of a stream without content, a server may know the length, and tell it.
    assert answer.values(b"content-length") in ([length, []] if name in STREAMS else [length])
    assert answer.body == (content if method == "GET" else b"")


@pytest.mark.parametrize(("name", "status", "media_type", "content"), ROWS, ids=[row[0] for row in ROWS])
@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_answer(port: int, method: str, name: str, status: int, media_type: bytes | None, content: bytes) -> None:
    answer = ask(port, method, f"/answer/{name}")
    is_as_it_should(answer, method, name, status, media_type, content)
    if name not in STREAMS:
        assert answer.values(b"transfer-encoding") == []


def test_http2(http2_port: int) -> None:
    with h2client.Connection(http2_port) as connection:
        for method in ("GET", "HEAD"):
            for row in ROWS:
                answer = connection.ask(method, f"/answer/{row[0]}")
                is_as_it_should(answer, method, *row)
                assert answer.values(b"transfer-encoding") == answer.values(b"connection") == []


@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_headers_and_cookies(port: int, method: str) -> None:
    answer = ask(port, method, "/answer/headers")
    assert answer.values(b"x-a") == ["grüße".encode("latin-1")]
    assert answer.values(b"x-b") == [b"1", b"2"]
    assert answer.values(b"set-cookie") == [
        b'a="b c"; Max-Age=60; Path=/; SameSite=lax',
        b"d=%F0%9F%98%80; HttpOnly; Path=/p; SameSite=lax",
    ]


@pytest.mark.parametrize(
    ("name", "header", "value"),
    [("redirect", b"location", b"/gr%C3%BC%C3%9Fe"), ("204", b"x-a", b"1"), ("304", b"etag", b'"a"')],
)
def test_header_of_an_answer_without_content(port: int, name: str, header: bytes, value: bytes) -> None:
    assert ask(port, "GET", f"/answer/{name}").values(header) == [value]


@pytest.mark.parametrize(("method", "size"), [("GET", 3), ("HEAD", 0)])
def test_what_runs_afterwards(port: int, method: str, size: int) -> None:
    assert ask(port, method, f"/watched/{method}").status == 200
    told = json.loads(ask(port, "GET", f"/finished/{method}").body)
    assert told == {"outcome": ["completed", 200, size, "NoneType"], "ran": [True]}


def test_one_connection_for_many_requests(port: int) -> None:
    with Connection(port) as connection:
        for method in ("GET", "HEAD"):
            for name, status, _, content in ROWS:
                answer = connection.ask(method, f"/answer/{name}")
                assert (answer.status, answer.body) == (status, content if method == "GET" else b"")
                connection.parser.start_next_cycle()
