"""ProxyResponse, between a client and a real upstream: a TCP server in the same event loop that answers as it is told."""

import gc
import gzip
import logging
import warnings
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import anyio
import httpx
import pytest
from anyio.abc import SocketStream
from starlette.background import BackgroundTask
from starlette.requests import Request

from rejoinder import Ending, Outcome, ProxyResponse
from rejoinder.testing import Answer, Exchange, fetch

pytestmark = pytest.mark.usefixtures("all_closed")

BACKENDS = ["asyncio", "trio"]
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"
CHUNKED = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"


@dataclass
class Upstream:
    """What it has been sent, and whether the other side has hung up."""

    answer: bytes | Callable[["Upstream", SocketStream], Awaitable[None]]
    port: int = 0
    requests: list[bytes] = field(default_factory=list)
    hung_up: anyio.Event = field(default_factory=anyio.Event)
    go_on: anyio.Event = field(default_factory=anyio.Event)
    connections: int = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def fields(self) -> list[tuple[str, str]]:
        head, _, _ = self.requests[-1].partition(b"\r\n\r\n")
        lines = [line.decode("latin-1").partition(": ") for line in head.split(b"\r\n")[1:]]
        return [(name.lower(), value) for name, _, value in lines]

    async def serve(self, stream: SocketStream) -> None:
        self.connections += 1
        async with stream:
            try:
                while True:
                    self.requests.append(await read_request(stream))
                    if isinstance(self.answer, bytes):
                        await stream.send(self.answer)
                    else:
                        await self.answer(self, stream)
            except (anyio.EndOfStream, anyio.BrokenResourceError, anyio.ClosedResourceError):
                self.hung_up.set()
        self.connections -= 1


async def read_request(stream: SocketStream) -> bytes:
    data = b""
    while b"\r\n\r\n" not in data:
        data += await stream.receive()
    head, _, content = data.partition(b"\r\n\r\n")
    if b"chunked" in head.lower():
        while not content.endswith(b"0\r\n\r\n"):
            content += await stream.receive()
    for line in head.lower().split(b"\r\n"):
        if line.startswith(b"content-length:"):
            while len(content) < int(line[15:]):
                content += await stream.receive()
    return head + b"\r\n\r\n" + content


@asynccontextmanager
async def serving(answer: Any) -> AsyncIterator[tuple[Upstream, Any]]:
    """An upstream, and a client for it. In the end, none of its connections is open any more."""
    upstream = Upstream(answer)
    listener = await anyio.create_tcp_listener(local_host="127.0.0.1")
    upstream.port = listener.extra(anyio.abc.SocketAttribute.local_port)
    async with listener, anyio.create_task_group() as group:
        group.start_soon(listener.serve, upstream.serve)
        async with httpx.AsyncClient(trust_env=False, timeout=5) as client:
            yield upstream, client
        with anyio.fail_after(5):
            while upstream.connections:
                await anyio.lowlevel.checkpoint()
        group.cancel_scope.cancel()


def on(backend: str, test: Callable[[], Awaitable[None]]) -> None:
    async def limited() -> None:
        with anyio.fail_after(20):
            await test()

    anyio.run(limited, backend=backend)


async def ask(answer: Any, method: str = "GET", /, *, asked: str = "GET", **request: Any) -> tuple[Answer, Upstream]:
    """What a client gets where an endpoint returns the upstream's answer."""
    async with serving(answer) as (upstream, client):
        response = ProxyResponse(client.build_request(asked, upstream.url), client=client)
        return await fetch(response, method, **request), upstream


def forwarding(upstream: Upstream, client: Any, **options: Any) -> Any:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        response = ProxyResponse.forward(Request(scope, receive), upstream.url + "/base", client, **options)
        await response(scope, receive, send)

    return app


@pytest.mark.parametrize("backend", BACKENDS)
def test_the_answer_is_the_upstreams(backend: str) -> None:
    async def main() -> None:
        answer, upstream = await ask(
            b"HTTP/1.1 203 Whatever\r\nContent-Length: 5\r\nContent-Type: text/x\r\nSet-Cookie: a=1\r\nSet-Cookie: b=2\r\n"
            b"Connection: close, X-Hop\r\nX-Hop: 1\r\nDate: now\r\nServer: secret/1\r\nKeep-Alive: 5\r\n"
            b"X-Accel-Redirect: /etc\r\n\r\nhello"
        )
        assert (answer.status, answer.body, answer.complete) == (203, b"hello", True)
        assert list(answer.headers) == [
            (b"content-length", b"5"),
            (b"content-type", b"text/x"),
            (b"set-cookie", b"a=1"),
            (b"set-cookie", b"b=2"),
        ]
        assert upstream.requests[0].startswith(b"GET / HTTP/1.1\r\n")

    on(backend, main)


@pytest.mark.parametrize("backend", BACKENDS)
def test_each_chunk_leaves_when_it_comes(backend: str) -> None:
    async def tokens(upstream: Upstream, stream: SocketStream) -> None:
        await stream.send(CHUNKED)
        for token in (b"a", b"b"):
            await upstream.go_on.wait()
            upstream.go_on = anyio.Event()
            await stream.send(b"1\r\n" + token + b"\r\n")
        await upstream.go_on.wait()
        await stream.send(b"0\r\n\r\n")

    async def main() -> None:
        async with serving(tokens) as (upstream, client):
            response = ProxyResponse(client.build_request("POST", upstream.url, json={}), client=client)
            async with Exchange(response) as exchange:
                head = await exchange.start()  # with nothing after it
                assert head.headers.get("transfer-encoding") is None
                for token in (b"a", b"b"):
                    upstream.go_on.set()
                    assert await exchange.read() == token
                upstream.go_on.set()
                assert await exchange.read() == b""
                assert exchange.complete

    on(backend, main)


async def think(upstream: Upstream, stream: SocketStream) -> None:
    await stream.receive()


async def generate(upstream: Upstream, stream: SocketStream) -> None:
    await stream.send(CHUNKED + b"5\r\nhello\r\n")
    await stream.receive()


async def generate_much(upstream: Upstream, stream: SocketStream) -> None:
    await stream.send(CHUNKED)
    while True:
        await stream.send(b"10000\r\n" + bytes(65536) + b"\r\n")


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize(
    ("model", "chunks"),
    [
        pytest.param(think, 0, id="before the head"),
        pytest.param(generate, 1, id="while it waits"),
        pytest.param(generate_much, 3, id="while it is sent"),
    ],
)
def test_when_the_client_leaves_the_upstream_is_told_at_once(backend: str, model: Any, chunks: int) -> None:
    async def main() -> None:
        outcomes: list[Outcome] = []
        async with serving(model) as (upstream, client):
            response = ProxyResponse(
                client.build_request("POST", upstream.url, json={}), client=client, on_finish=outcomes.append
            )
            async with Exchange(response) as exchange:
                for _ in range(chunks):
                    assert await exchange.read()
                while not upstream.requests:
                    await anyio.lowlevel.checkpoint()
                await exchange.disconnect()
                with anyio.fail_after(5):
                    await upstream.hung_up.wait()
            assert client._transport._pool.connections == []
        assert [outcome.ending for outcome in outcomes] == [Ending.DISCONNECTED]

    with warnings.catch_warnings():
        # Trio says of generators within httpx that nobody has closed them. What they read from is closed.
        warnings.simplefilter("ignore", ResourceWarning)
        on(backend, main)
        gc.collect()


async def reset(upstream: Upstream, stream: SocketStream) -> None:
    await stream.send(CHUNKED + b"5\r\nhello\r\n")
    await upstream.go_on.wait()
    await stream.aclose()


async def too_short(upstream: Upstream, stream: SocketStream) -> None:
    await stream.send(OK[:-1])
    await stream.aclose()


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("answer", [reset, too_short, CHUNKED + b"5\r\nhello\r\nzz\r\n"])
def test_what_breaks_after_the_head_cuts_the_connection(backend: str, answer: Any) -> None:
    async def main() -> None:
        outcomes: list[Outcome] = []
        async with serving(answer) as (upstream, client):
            response = ProxyResponse(
                client.build_request("GET", upstream.url), client=client, on_finish=outcomes.append
            )
            upstream.go_on.set()
            with pytest.raises(httpx.RemoteProtocolError):
                async with Exchange(response) as exchange:
                    await exchange.body()
            assert exchange.status == 200
            assert not exchange.complete
        assert outcomes[0].ending is Ending.FAILED

    on(backend, main)


async def close(upstream: Upstream, stream: SocketStream) -> None:
    await stream.aclose()


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize(
    ("answer", "status"),
    [
        pytest.param(close, 502, id="nothing"),
        pytest.param(b"220 smtp.example ESMTP\r\n\r\n", 502, id="another protocol"),
        pytest.param(b"HTTP/1.1 200 OK\r\nBad Name: 1\r\n\r\n", 502, id="a name that is none"),
        pytest.param(b"HTTP/1.1 200 OK\r\nX: a\x01b\r\nContent-Length: 0\r\n\r\n", 502, id="a control character"),
        pytest.param(b"HTTP/1.1 200 OK\r\nX: a\x00b\r\nContent-Length: 0\r\n\r\n", 502, id="NUL"),
        pytest.param(b"HTTP/1.1 999 Odd\r\nContent-Length: 0\r\n\r\n", 502, id="a status that is none"),
        pytest.param(b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n", 502, id="a 101"),
        pytest.param(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello!", 502, id="two lengths"),
        pytest.param(think, 504, id="it takes too long"),
    ],
)
def test_without_a_head_there_is_a_status_and_nothing_else(
    backend: str, answer: Any, status: int, caplog: pytest.LogCaptureFixture
) -> None:
    async def main() -> None:
        outcomes: list[Outcome] = []
        async with serving(answer) as (upstream, client):
            client.timeout = httpx.Timeout(5, read=0.1)
            response = ProxyResponse(
                client.build_request("GET", upstream.url),
                client=client,
                headers={"x-id": "7", "cache-control": "max-age=60"},
                on_finish=outcomes.append,
            )
            got = await fetch(response)
            assert (got.status, got.body, got.complete) == (status, b"", True)
            assert list(got.headers) == [(b"x-id", b"7"), (b"content-length", b"0")]
            # Not a connection that was answered with another protocol is used again.
            assert client._transport._pool.connections == []
        assert (outcomes[0].ending, outcomes[0].status) == (Ending.FAILED, status)
        assert isinstance(outcomes[0].exception, Exception)

    with caplog.at_level(logging.WARNING, "rejoinder"):
        on(backend, main)
    assert "no answer from the upstream" in caplog.text


def test_max_duration_is_for_the_head_too() -> None:
    async def main() -> None:
        async with serving(think) as (upstream, client):
            response = ProxyResponse(client.build_request("GET", upstream.url), client=client, max_duration=0.1)
            assert (await fetch(response)).status == 504

    on("asyncio", main)


@pytest.mark.parametrize(
    ("status", "fields"),
    [
        pytest.param(
            200, [("content-length", "5"), ("content-length", "6")], id="two lengths"
        ),  # as HTTP/2 lets them in
        pytest.param(302, [("location", "mailto:a@b.example")], id="a target that httpx takes for none"),
        pytest.param(302, [("location", "http://xn--/")], id="a target with a host that idna takes for none"),
        pytest.param(302, [("location", "http://[::1")], id="a target that is none"),
    ],
)
def test_what_cannot_be_passed_on_is_a_502(status: int, fields: Any) -> None:
    def answer(_: Any) -> Any:
        return httpx.Response(status, headers=fields, content=b"hello")

    async def main() -> None:
        async with httpx.AsyncClient(transport=httpx.MockTransport(answer)) as client:
            response = ProxyResponse(client.build_request("GET", "http://a"), client=client)
            assert (await fetch(response)).status == 502

    on("asyncio", main)


@pytest.mark.parametrize("backend", BACKENDS)
def test_a_length_beside_a_transfer_coding_is_not_passed_on(backend: str) -> None:
    """Or else what follows it would be taken for another response."""

    async def main() -> None:
        framed = CHUNKED.replace(b"\r\n\r\n", b"\r\nContent-Length: 3\r\n\r\n") + b"5\r\nhello\r\n0\r\n\r\n"
        answer, _ = await ask(framed)
        assert (answer.body, answer.complete, answer.headers.get("content-length")) == (b"hello", True, None)

    on(backend, main)


def test_what_a_hook_of_the_client_has_read_is_not_read_again() -> None:
    """Its connection is in the pool by then, and may be another's."""

    async def main() -> None:
        coded = gzip.compress(b"hello")
        head = b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: %d\r\n\r\n" % len(coded)
        for answer in (OK, head + coded):
            async with serving(answer) as (upstream, client):
                client.event_hooks["response"].append(lambda response: response.aread())
                got = await fetch(ProxyResponse(client.build_request("GET", upstream.url), client=client))
                assert (got.body, got.headers.get("content-encoding")) == (b"hello", None)

    on("asyncio", main)


def test_nobody_there_is_a_502() -> None:
    async def main() -> None:
        async with httpx.AsyncClient(trust_env=False) as client:
            got = await fetch(ProxyResponse(client.build_request("GET", "http://127.0.0.1:1/"), client=client))
        assert (got.status, got.body) == (502, b"")

    on("asyncio", main)


def test_a_request_that_cannot_be_is_the_callers() -> None:
    async def main() -> None:
        async with httpx.AsyncClient(trust_env=False) as client:
            with pytest.raises(httpx.UnsupportedProtocol):
                await fetch(ProxyResponse(client.build_request("GET", "ftp://127.0.0.1/"), client=client))

    on("asyncio", main)


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize(
    ("method", "head", "status", "length"),
    [
        pytest.param("HEAD", OK, 200, b"5", id="HEAD where GET was built: the content is not waited for"),
        pytest.param("GET", b"HTTP/1.1 204 No Content\r\nX: 1\r\n\r\n", 204, None, id="204"),
        pytest.param("GET", b'HTTP/1.1 304 Not Modified\r\nETag: "a"\r\n\r\n', 304, None, id="304"),
    ],
)
def test_without_content(backend: str, method: str, head: bytes, status: int, length: bytes | None) -> None:
    async def main() -> None:
        answer, _ = await ask(head, method)
        assert (answer.status, answer.body) == (status, b"")
        assert dict(answer.headers).get(b"content-length") == length

    on(backend, main)


def test_a_condition_is_answered_here_where_the_upstream_was_not_asked() -> None:
    async def main() -> None:
        answer, _ = await ask(
            b'HTTP/1.1 200 OK\r\nETag: "a"\r\nContent-Length: 5\r\n\r\nhello', headers={"if-none-match": '"a"'}
        )
        assert (answer.status, answer.body) == (304, b"")

    on("asyncio", main)


@pytest.mark.parametrize(
    ("accepted", "asked"), [pytest.param({}, "identity", id="none"), ({"accept-encoding": "gzip;q=0.5"}, "gzip;q=0.5")]
)
def test_the_coding_is_between_upstream_and_client(accepted: dict[str, str], asked: str) -> None:
    coded = gzip.compress(b"hello" * 100)

    async def main() -> None:
        head = f"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: {len(coded)}\r\n\r\n"
        answer, upstream = await ask(head.encode() + coded, headers=accepted)
        assert [value for name, value in upstream.fields if name == "accept-encoding"] == [asked]
        assert answer.body == coded
        assert answer.headers.get("content-encoding") == "gzip"

    on("asyncio", main)


def test_headers_cookies_background_are_those_of_the_response() -> None:
    async def main() -> None:
        ran: list[str] = []
        async with serving(b"HTTP/1.1 200 OK\r\nSet-Cookie: a=1\r\nX: 1\r\nContent-Length: 0\r\n\r\n") as (
            upstream,
            client,
        ):
            response = ProxyResponse(
                client.build_request("GET", upstream.url),
                client=client,
                headers={"x": "2"},
                background=BackgroundTask(ran.append, "background"),
                via="gateway",
            )
            response.set_cookie("b", "2")
            answer = await fetch(response)
        fields = list(answer.headers)
        assert fields[0] == (b"set-cookie", b"a=1")
        assert (b"x", b"2") in fields
        assert (b"x", b"1") not in fields
        assert (b"via", b"1.1 gateway") in fields
        assert [value for name, value in fields if name == b"set-cookie"][1].startswith(b"b=2;")
        assert ran == ["background"]

    on("asyncio", main)


def test_a_websocket_may_be_denied_with_it() -> None:
    async def main() -> None:
        async with serving(OK) as (upstream, client):
            response = ProxyResponse(client.build_request("GET", upstream.url), client=client)
            denied = await fetch(response, type="websocket", extensions=["websocket.http.response"])
            assert (denied.status, denied.body) == (200, b"hello")
            assert (await fetch(response, type="websocket")).body == b""

    on("asyncio", main)


def test_it_may_be_sent_again() -> None:
    async def main() -> None:
        async with serving(OK) as (upstream, client):
            response = ProxyResponse(client.build_request("POST", upstream.url, content=b"abc"), client=client)
            for _ in range(2):
                assert (await fetch(response)).body == b"hello"
            assert [request[-3:] for request in upstream.requests] == [b"abc", b"abc"]

    on("asyncio", main)


def test_the_body_iterator_can_be_wrapped() -> None:
    async def main() -> None:
        async with serving(OK) as (upstream, client):
            response = ProxyResponse(client.build_request("GET", upstream.url), client=client)

            async def louder(chunks: Any) -> AsyncGenerator[bytes, None]:
                async with aclosing(aiter(chunks)) as items:
                    async for chunk in items:
                        yield chunk.upper() + b"!"

            response.body_iterator = louder(response.body_iterator)
            answer = await fetch(response)
            assert answer.body == b"HELLO!"
            assert answer.headers.get("content-length") is None
            with pytest.raises(RuntimeError, match="while it is sent"):
                ProxyResponse(client.build_request("GET", upstream.url), client=client).body_iterator.__aiter__()

    on("asyncio", main)


@pytest.mark.parametrize("backend", BACKENDS)
def test_forward_sends_what_came(backend: str) -> None:
    async def main() -> None:
        async with serving(OK) as (upstream, client):
            client.cookies.set("somebody", "else")
            answer = await fetch(
                forwarding(upstream, client, via="gateway", request_headers={"authorization": "Bearer key"}),
                "PUT",
                "/a b/ü",
                query=b"x=%20&y=1",
                body=b"content",
                headers=[
                    (b"host", b"public.example"), (b"content-length", b"7"), (b"range", b"bytes=0-1"), (b"if-range", b'"a"'),
                    (b"if-none-match", b'"b"'), (b"connection", b"x-hop"), (b"x-hop", b"1"), (b"te", b"trailers"),
                    (b"authorization", b"Basic x"), (b"cookie", b"c=1"), (b"proxy-authorization", b"x"),
                ],
            )  # fmt: skip
        assert answer.body == b"hello"
        assert upstream.requests[0].startswith(b"PUT /base/a%20b/%C3%BC?x=%20&y=1 HTTP/1.1\r\n")
        assert upstream.requests[0].endswith(b"\r\n\r\ncontent")
        assert sorted(upstream.fields) == [
            ("accept-encoding", "identity"),
            ("authorization", "Bearer key"),
            ("content-length", "7"),
            ("cookie", "c=1"),
            ("host", f"127.0.0.1:{upstream.port}"),
            ("if-none-match", '"b"'),
            ("if-range", '"a"'),
            ("range", "bytes=0-1"),
            ("via", "1.1 gateway"),
        ]

    on(backend, main)


@pytest.mark.parametrize(
    ("method", "fields", "framing"),
    [
        pytest.param("GET", [], {}, id="none"),
        pytest.param("POST", [(b"content-length", b"0")], {"content-length": "0"}, id="of no octets"),
        pytest.param(
            "POST", [(b"transfer-encoding", b"chunked")], {"transfer-encoding": "chunked"}, id="of no known length"
        ),
        pytest.param(
            "POST",
            [(b"transfer-encoding", b"chunked"), (b"content-length", b"0")],
            {"transfer-encoding": "chunked"},
            id="of a length that is not true",
        ),
    ],
)
def test_forward_frames_the_content_anew(method: str, fields: Any, framing: dict[str, str]) -> None:
    async def main() -> None:
        async with serving(OK) as (upstream, client):
            await fetch(
                forwarding(upstream, client),
                method,
                headers=fields,
                body=b"abc" if "transfer-encoding" in framing else b"",
            )
        assert {
            name: value for name, value in upstream.fields if name in {"content-length", "transfer-encoding"}
        } == framing

    on("asyncio", main)


@pytest.mark.parametrize(
    ("method", "framing"),
    [pytest.param("POST", {"transfer-encoding": "chunked"}, id="POST"), pytest.param("GET", {}, id="GET")],
)
def test_forward_takes_content_of_http_2_that_is_not_announced(method: str, framing: dict[str, str]) -> None:
    async def main() -> None:
        async with serving(OK) as (upstream, client):
            exchange = Exchange(forwarding(upstream, client), method, body=b"abc")
            exchange.scope["http_version"] = "2"
            async with exchange:
                await exchange.body()
        assert {
            name: value for name, value in upstream.fields if name in {"content-length", "transfer-encoding"}
        } == framing

    on("asyncio", main)


@pytest.mark.parametrize("backend", BACKENDS)
def test_forward_ends_when_the_client_leaves_in_the_midst_of_its_content(backend: str) -> None:
    async def main() -> None:
        async with serving(OK) as (upstream, client):
            outcomes: list[Outcome] = []
            messages = [
                {"type": "http.request", "body": b"abc", "more_body": True},
                {"type": "http.disconnect"},
            ]

            async def receive() -> Any:
                return messages.pop(0)

            async def send(message: Any) -> None:
                raise AssertionError(message)

            scope = {
                "type": "http", "method": "POST", "path": "/", "query_string": b"", "headers": [(b"content-length", b"7")],
            }  # fmt: skip
            await forwarding(upstream, client, on_finish=outcomes.append)(scope, receive, send)
        assert [outcome.ending for outcome in outcomes] == [Ending.DISCONNECTED]

    on(backend, main)


@pytest.mark.parametrize(
    ("path", "line"),
    [
        pytest.param("//evil.example/a", b"GET /base//evil.example/a HTTP/1.1", id="a host"),
        pytest.param("/@evil.example", b"GET /base/%40evil.example HTTP/1.1", id="user information"),
        pytest.param("/a\r\nX-Evil: 1", b"GET /base/a%0D%0AX-Evil%3A%201 HTTP/1.1", id="line ends"),
        pytest.param("/../secret", None, id="dots"),
        pytest.param(
            "/%2e%2e/secret", b"GET /base/%252e%252e/secret HTTP/1.1", id="a name that looks like encoded dots"
        ),
        pytest.param("/" + "a" * 70_000, None, id="too long for a URL"),
    ],
)
@pytest.mark.parametrize("given", [False, True], ids=["of the scope", "as a parameter"])
def test_forward_leads_nowhere_else(path: str, line: bytes | None, given: bool) -> None:
    async def main() -> None:
        async with serving(OK) as (upstream, client):
            if given:
                answer = await fetch(forwarding(upstream, client, path=path))
            else:
                answer = await fetch(forwarding(upstream, client), path=path)
        if line is None:
            assert (answer.status, answer.body, upstream.requests) == (400, b"", [])
        else:
            assert answer.body == b"hello"
            assert upstream.requests[0].partition(b"\r\n")[0] == line
            assert ("host", f"127.0.0.1:{upstream.port}") in upstream.fields
            assert "x-evil" not in dict(upstream.fields)

    on("asyncio", main)


@pytest.mark.parametrize(
    "field",
    [
        pytest.param((b"x\xd4", b"1"), id="a name that is no token"),
        pytest.param((b"x", b"a\0b"), id="NUL"),
        pytest.param((b"content-length", b"+5"), id="a length that is none"),
    ],
)
def test_forward_refuses_what_no_server_should_have_taken(field: tuple[bytes, bytes]) -> None:
    async def main() -> None:
        async with serving(OK) as (upstream, client):
            answer = await fetch(forwarding(upstream, client), headers=[field])
            assert (answer.status, answer.body, upstream.requests) == (400, b"", [])

    on("asyncio", main)


@pytest.mark.parametrize(
    ("method", "hops", "told", "status"),
    [
        pytest.param("OPTIONS", b"2", "1", 200, id="some are left"),
        pytest.param("TRACE", b"1", "0", 200, id="the next is the last"),
        pytest.param("OPTIONS", b"0", None, 200, id="none is left"),
        pytest.param("OPTIONS", b"00", None, 200, id="none in two digits"),
        pytest.param("TRACE", b"0", None, 501, id="none is left of a trace"),
        pytest.param("OPTIONS", b"9" * 5000, "999999999", 200, id="more than there are servers"),
        pytest.param("OPTIONS", b"x", "x", 200, id="no number"),
        pytest.param("GET", b"0", "0", 200, id="another method"),
    ],
)
def test_forward_counts_the_hops(method: str, hops: bytes, told: str | None, status: int) -> None:
    async def main() -> None:
        async with serving(OK) as (upstream, client):
            answer = await fetch(forwarding(upstream, client), method=method, headers=[(b"max-forwards", hops)])
            assert answer.status == status
            if told is None:
                assert (answer.body, answer.headers.get("content-length"), upstream.requests) == (b"", "0", [])
            else:
                assert (answer.body, dict(upstream.fields)["max-forwards"]) == (b"hello", told)

    on("asyncio", main)


def test_forward_sees_the_path_from_where_it_is_mounted() -> None:
    async def main() -> None:
        async with serving(OK) as (upstream, client):
            for raw in (b"/m%C3%BC/a%2Fb", None):
                exchange = Exchange(forwarding(upstream, client), path="/mü/a/b")
                exchange.scope.update({"root_path": "/mü", "raw_path": raw})
                async with exchange:
                    await exchange.body()
        assert [request.split(b" ")[1] for request in upstream.requests] == [b"/base/a%2Fb", b"/base/a/b"]

    on("asyncio", main)


def test_forward_is_beneath_whole_segments_of_where_it_is_mounted() -> None:
    async def main() -> None:
        async with serving(OK) as (upstream, client):
            for path in ("/apiadmin/users", "/api/users"):
                exchange = Exchange(forwarding(upstream, client), path=path)
                exchange.scope.update({"root_path": "/api", "raw_path": path.encode()})
                async with exchange:
                    await exchange.body()
        assert [request.split(b" ")[1] for request in upstream.requests] == [b"/base/apiadmin/users", b"/base/users"]

    on("asyncio", main)


def test_forward_leaves_conditions_to_the_upstream() -> None:
    async def main() -> None:
        async with serving(b'HTTP/1.1 200 OK\r\nETag: "a"\r\nContent-Length: 5\r\n\r\nhello') as (upstream, client):
            for field in ("if-match", "if-none-match"):
                value = '"a"' if field == "if-none-match" else '"b"'
                answer = await fetch(forwarding(upstream, client), headers={field: value})
                assert (answer.status, answer.body) == (200, b"hello")
                assert (field, value) in upstream.fields

    on("asyncio", main)


def test_forward_follows_no_redirect_and_sends_no_cookie_of_others() -> None:
    async def main() -> None:
        found = b"HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:1/\r\nSet-Cookie: a=1\r\nContent-Length: 0\r\n\r\n"
        async with serving(found) as (upstream, client):
            client.follow_redirects = True
            for _ in range(2):
                answer = await fetch(forwarding(upstream, client))
                assert (answer.status, answer.headers.get("location")) == (302, "http://127.0.0.1:1/")
        assert [dict(upstream.fields).get("cookie") for _ in upstream.requests] == [None, None]

    on("asyncio", main)


@pytest.mark.parametrize("target", ["/relative", "ftp://a/", "http:///a", "http://a/?b", "http://a/#b"])
def test_a_target_that_is_none_is_refused(target: str) -> None:
    async def main() -> None:
        async with httpx.AsyncClient() as client:
            request = Request({"type": "http", "method": "GET", "path": "/", "headers": []})
            with pytest.raises(ValueError, match="target must be"):
                ProxyResponse.forward(request, target, client)

    on("asyncio", main)


def test_arguments_that_are_none_are_refused() -> None:
    request = httpx.Request("GET", "http://a/")
    with pytest.raises(TypeError, match=r"client must be an httpx\.AsyncClient, got Client"):
        ProxyResponse(request, client=httpx.Client())  # type: ignore[arg-type]
    with pytest.raises(TypeError, match=r"request must be an httpx\.Request, .*; got str"):
        ProxyResponse("http://a/", client=httpx.AsyncClient())  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="via"):
        ProxyResponse(request, client=httpx.AsyncClient(), via="a\r\nb")
