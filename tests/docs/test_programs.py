"""The programs on the pages, which are no sessions of the interpreter, run and do what is said of them."""

import re
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Any

import anyio
import pytest

pytest.importorskip("fastapi", reason="the programs are FastAPI's")

from bench.redis_server import redis_server, why_no_redis
from fastapi import FastAPI
from pydantic import BaseModel

from rejoinder import StaticFiles
from rejoinder.sse import EventSourceResponse, ServerSentEvent
from rejoinder.testing import Exchange, fetch, run

DOCS = Path(__file__).parents[2] / "docs"


def text_of(page: str) -> str:
    return (DOCS / f"{page}.md").read_text("utf-8")


def programs(page: str) -> list[str]:
    """The blocks of Python that are no sessions, but those above which it says `<!-- not run: why -->`."""
    pattern = r"(<!-- not run: .+ -->\n+)?```python\n(.*?)```"
    blocks = re.findall(pattern, text_of(page), re.DOTALL)
    return [block for reason, block in blocks if not reason and not block.startswith(">>>")]


def execute(page: str, **names: Any) -> dict[str, Any]:
    """What the programs of a page define, run one after another where these names are known."""
    for program in programs(page):
        exec(compile(program, f"docs/{page}.md", "exec"), names)
    return names


class Model:
    """A language model that repeats the question, and waits for ever if that ends in `...`."""

    left = 0

    @asynccontextmanager
    async def generate(self, question: str) -> AsyncIterator[AsyncIterator[str]]:
        try:
            yield self._tokens(question)
        finally:
            self.left += 1

    async def _tokens(self, question: str) -> AsyncIterator[str]:
        for token in question.split():
            if token == "...":
                await anyio.sleep_forever()
            if token == "fail":
                raise OSError("out of words")
            yield token


@pytest.fixture
def model() -> Model:
    return Model()


@pytest.fixture
def streams(model: Model) -> dict[str, Any]:
    given = {"EventSourceResponse": EventSourceResponse, "ServerSentEvent": ServerSentEvent}
    return execute("streams", app=FastAPI(), model=model, **given)


def test_no_page_has_programs_that_nobody_runs() -> None:
    here = Path(__file__).parent.glob("test_*.py")
    run = {name for file in here for name in re.findall(r"(?:execute|programs)\(\"([\w-]+)\"", file.read_text("utf-8"))}
    assert {path.stem for path in DOCS.glob("*.md") if programs(path.stem)} == run


def test_streams_a_client_that_leaves_ends_the_answer(streams: dict[str, Any], model: Model) -> None:
    async def main() -> None:
        async with Exchange(streams["app"], path="/answer", query=b"question=why+...") as exchange:
            assert await exchange.read() == b'data: "why"\n\n'
            assert model.left == 0

    run(main)
    assert model.left == 1


@pytest.mark.parametrize(
    ("prompt", "last"),
    [
        pytest.param(b"a+b", b'data: {"token":"b"}\n\nevent: done\ndata: true\n\n', id="to the end"),
        pytest.param(b"b+fail", b'data: {"token":"b"}\n\nevent: failed\ndata: "out of words"\n\n', id="on_error"),
    ],
)
def test_streams_a_chat_tells_how_it_ended(streams: dict[str, Any], model: Model, prompt: bytes, last: bytes) -> None:
    answer = run(lambda: fetch(streams["app"], "POST", "/chat", query=b"prompt=" + prompt))
    assert answer.complete
    assert answer.body.endswith(last)
    assert model.left == 1


def test_streams_a_price_that_changes_is_told(streams: dict[str, Any]) -> None:
    async def main() -> None:
        async with Exchange(streams["app"], path="/prices") as exchange:
            await exchange.start()
            await fetch(streams["app"], "PUT", "/prices/tea", query=b"price=3.5")
            assert (await exchange.read()).startswith(b'data: {"name":"tea","price":3.5}\nid: ')

    run(main)


@pytest.mark.wire
def test_broker_a_price_that_changes_is_told_by_another_worker() -> None:
    pytest.importorskip("redis", reason="it is what is shown")
    if why := why_no_redis():
        pytest.skip(why)

    async def main(url: str) -> None:
        (program,) = programs("broker")
        one, other = dict[str, Any](), dict[str, Any]()
        for names in (one, other):
            exec(compile(program.replace("redis://localhost:6379/0", url), "docs/broker.md", "exec"), names)
        async with Exchange(one["app"], path="/prices") as exchange:
            await exchange.start()
            await one["prices"]._backend.replay(None)  # and so it reads
            await fetch(other["app"], "PUT", "/prices/tea", query=b"price=3.5")
            assert (await exchange.read()).startswith(b'data: {"name":"tea","price":3.5}\nid: ')
        for names in (one, other):
            async with names["lifespan"](names["app"]):
                pass

    with redis_server() as server:
        anyio.run(main, server.url)


class Price(BaseModel):
    price: float


def test_porting_both_kinds_of_endpoints_send_events() -> None:
    pytest.importorskip("sse_starlette", reason="it is what is ported")
    pytest.importorskip("fastapi.sse", reason="it is what is ported")

    async def watch() -> AsyncIterator[Price]:
        yield Price(price=3)

    names = execute("porting-sse", app=FastAPI(), watch=watch, Price=Price, AsyncIterable=AsyncIterator)
    app = names["app"]
    app.get("/returned")(names["prices"])  # defined twice, so that one can compare; this is the latter

    async def main() -> list[bytes]:
        return [(await fetch(app, path=path)).body for path in ("/prices", "/returned")]

    assert run(main) == [b'data: {"price":3.0}\n\n'] * 2


def test_shutdown_is_called_as_it_says() -> None:
    program = "\n".join(("class server: pass", *programs("shutdown"), "print(server.should_exit)"))
    ran = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=30)
    assert ran.stdout == "True\n"


def test_getting_started_sends_what_it_shows(capsys: pytest.CaptureFixture[str]) -> None:
    app = execute("getting-started")["app"]
    (shown,) = re.findall(r"```text\n(.*?)```", text_of("getting-started"), re.DOTALL)
    asked = shown.split("$ curl -i ")[1:]
    assert len(asked) == 2
    for conversation in asked:
        command, _, answered = conversation.partition("\n")
        head, _, body = answered.partition("\n\n")
        path, headers = "/" + command.rpartition("/")[2], dict(re.findall(r"'(.+): (.+)'", command))
        answer = run(partial(fetch, app, path=path, headers=headers))
        assert head.splitlines()[0].split()[1] == str(answer.status)
        told = {(name, value) for name, _, value in (field.partition(": ") for field in head.splitlines()[1:])}
        sent = {(name.decode(), value.decode()) for name, value in answer.headers}
        assert {(name, value) for name, value in told if name not in {"date", "server"}} == sent
        assert body.strip() == answer.body.decode()
    assert capsys.readouterr().out == "completed 200 58\ncompleted 304 0\n"
    assert run(lambda: fetch(app)).body == "Grüß Gott.\n".encode()


class Database:
    """Has three orders of each year, and as many connections as were given back."""

    given_back = 0

    @asynccontextmanager
    async def connect(self) -> AsyncIterator["Database"]:
        try:
            yield self
        finally:
            self.given_back += 1

    async def stream(self, query: str, year: int) -> AsyncIterator[dict[str, object]]:
        for number in range(3):
            yield {"id": number, "customer": "=cmd()", "total": year}


def test_exports_are_a_table_and_give_the_connection_back() -> None:
    database = Database()
    app = execute("exports", database=database)["app"]
    answer = run(lambda: fetch(app, path="/orders/2026.csv"))
    rows = answer.body.decode("utf-8-sig").splitlines()
    assert rows == ["id,customer,total", "0,'=cmd(),2026", "1,'=cmd(),2026", "2,'=cmd(),2026"]
    assert answer.headers.get("content-disposition") == 'attachment; filename="orders 2026.csv"'
    assert database.given_back == 1


def test_exports_a_database_that_cannot_be_reached_is_an_error_and_no_empty_table() -> None:
    class Away(Database):
        @asynccontextmanager
        async def connect(self) -> AsyncIterator[Database]:
            await anyio.sleep(1)
            raise OSError("the database is away")
            yield self

    async def main() -> None:
        exchange = Exchange(execute("exports", database=Away())["app"], path="/orders/2026.csv")
        with pytest.raises(OSError, match="is away"):
            async with exchange:
                await exchange.body()
        assert [message.get("status") for message in exchange.messages] == [500, None]

    run(main)


def test_porting_whitenoise_both_ways_send_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    servestatic = pytest.importorskip("servestatic", reason="it is what is ported")
    monkeypatch.chdir(tmp_path)
    Path("static").mkdir()
    Path("static/a.txt").write_text("hello")
    before, after = programs("porting-whitenoise")
    for program in (before, after):
        names = {"app": FastAPI(), "ServeStaticASGI": servestatic.ServeStaticASGI, "StaticFiles": StaticFiles}
        exec(program, names)
        answer = run(partial(fetch, names["app"], path="/static/a.txt"))
        assert (answer.status, answer.body) == (200, b"hello")


def test_compression_an_application_is_compressed() -> None:
    app = execute("compression")["app"]
    app.get("/")(lambda: [{"id": number} for number in range(1000)])
    for accepted, coding in (("zstd, gzip, br", "zstd"), ("gzip, br", "gzip"), ("br", None)):
        answer = run(partial(fetch, app, headers={"accept-encoding": accepted}))
        assert (answer.status, answer.headers.get("content-encoding")) == (200, coding)


def test_proxying_asks_and_forwards() -> None:
    httpx = pytest.importorskip("httpx", reason="it is what asks upstreams")

    async def answer(request: Any) -> Any:
        told = f"{request.method} {request.url} {request.headers.get('authorization')} {request.headers.get('via')}"
        return httpx.Response(200, text=f"{told} {request.content.decode()}")

    async def main() -> None:
        transport = httpx.MockTransport(answer)
        async with httpx.AsyncClient(transport=transport) as backend:
            names = execute("proxying", MODEL="http://model", KEY="key", backend=backend)
            names["client"]._transport = transport
            content = {"content-type": "application/json"}
            asked = await fetch(names["app"], "POST", "/ask", body=b'{"text": "why?"}', headers=content)
            assert asked.body.startswith(b'POST http://model/v1/generate Bearer key None {"prompt":"why?"')
            assert asked.headers.get("cache-control") == "no-store"
            forwarded = await fetch(names["app"], path="/api/users/7", query=b"full=1")
            assert forwarded.body == b"GET http://backend.internal:9000/v2/users/7?full=1 None 1.1 gateway "
            await names["client"].aclose()

    run(main)
