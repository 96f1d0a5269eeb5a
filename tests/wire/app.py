"""The app that real servers serve in these tests: each class, and a look at what runs afterwards."""

import asyncio
import itertools
import re
import time
from collections import defaultdict
from collections.abc import AsyncIterator, Callable, Iterator
from html import escape
from pathlib import Path
from typing import Any

import anyio
import anyio.lowlevel
import anyio.to_thread
import httpx
from fastapi import FastAPI, HTTPException, Request
from starlette.background import BackgroundTask

from rejoinder import (
    CSVResponse,
    FileResponse,
    HTMLResponse,
    JSONArrayResponse,
    JSONLinesResponse,
    JSONResponse,
    ORJSONResponse,
    Outcome,
    PlainTextResponse,
    ProxyResponse,
    RedirectResponse,
    Response,
    StaticFiles,
    StreamingResponse,
    UJSONResponse,
    ZipResponse,
)
from rejoinder.middleware import Compression
from rejoinder.sse import Channel, EventSourceResponse, ServerSentEvent

app = FastAPI()

HEADERS = [("x-a", "grüße"), ("x-b", "1"), ("x-b", "2")]


def with_cookies() -> Response:
    response = HTMLResponse("x", headers=HEADERS)
    response.set_cookie("a", "b c", max_age=60)
    response.set_cookie("d", "😀", path="/p", httponly=True)
    return response


ANSWERS: dict[str, Callable[[], Response]] = {
    "response": lambda: Response(b"\x00\xff" * 1000, media_type="application/octet-stream"),
    "empty": Response,
    "html": lambda: HTMLResponse("<p>grüße</p>"),
    "text": lambda: PlainTextResponse("grüße"),
    "json": lambda: JSONResponse({"a": [1, None, "grüße"]}),
    "orjson": lambda: ORJSONResponse({"a": 1}),
    "ujson": lambda: UJSONResponse({"a": "/"}),
    "redirect": lambda: RedirectResponse("/grüße", 303),
    "memoryview": lambda: Response(memoryview(b"abcdef")[::2]),
    "large": lambda: Response(b"x" * 1_000_000),
    "headers": with_cookies,
    "201": lambda: JSONResponse({}, 201),
    "204": lambda: JSONResponse({"a": 1}, 204, {"x-a": "1"}),
    "205": lambda: PlainTextResponse("x", 205),
    "304": lambda: HTMLResponse("x", 304, {"etag": '"a"'}),
    "404": lambda: PlainTextResponse("x", 404),
    "file": lambda: FileResponse(Path(__file__).with_name("h2client.py"), media_type="text/plain"),
    "memory": lambda: FileResponse(b"0123456789", media_type="text/plain"),
    "missing": lambda: FileResponse("no such file", missing="404"),
    "stream": lambda: StreamingResponse(iter(["gr", b"\xc3\xbc", "\u00dfe"]), media_type="text/plain"),
    "waiting": lambda: StreamingResponse(waits(), media_type="text/plain"),
    "nothing": lambda: StreamingResponse([], media_type="text/plain"),
    "long": lambda: StreamingResponse(itertools.repeat(b"x" * 1000, 1000)),
    "events": lambda: EventSourceResponse([{"a": 1}, ServerSentEvent(raw_data="b")], retry=1),
    "lines": lambda: JSONLinesResponse([{"a": 1}, "b"]),
    "array": lambda: JSONArrayResponse([{"a": 1}, "b"]),
    "csv": lambda: CSVResponse([{"a": 1, "b": "=x"}]),
}


async def waits() -> AsyncIterator[str]:
    yield "a"
    await anyio.sleep(0.001)
    yield "b"


async def answer(name: str) -> Response:
    return ANSWERS[name]()


app.get("/answer/{name}")(answer)
app.head("/answer/{name}")(answer)

finished: dict[str, dict[str, Any]] = {}
ended: dict[str, anyio.Event] = {}


def watching(key: str) -> dict[str, Any]:
    """Options of a response whose end `/finished` tells of."""
    seen = finished[key] = {}
    ended[key] = anyio.Event()

    def on_finish(outcome: Outcome) -> None:
        seen["outcome"] = [outcome.ending.value, outcome.status, outcome.bytes_sent, type(outcome.exception).__name__]

    async def in_the_background() -> None:
        seen["ran"] = [*seen.get("ran", ()), "outcome" in seen]
        ended[key].set()

    return {"background": BackgroundTask(in_the_background), "on_finish": on_finish}


async def watched(key: str) -> Response:
    return PlainTextResponse("abc", **watching(key))


app.get("/watched/{key}")(watched)
app.head("/watched/{key}")(watched)


async def file(path: str, key: str = "", pathsend: bool = False) -> Response:
    response = FileResponse(path, **(watching(key) if key else {}))
    response.pathsend = pathsend
    return response


app.get("/file")(file)
app.head("/file")(file)


log: defaultdict[str, list[dict[str, Any]]] = defaultdict(list)


@app.get("/logged")
async def logged(request: Request, path: str, key: str, filename: str | None = None) -> Response:
    """A file; how its sending ended is appended to `/log`."""

    def note(outcome: Outcome) -> None:
        wanted, ending = request.headers.get("range"), outcome.ending.value
        log[key].append({"range": wanted, "status": outcome.status, "ending": ending, "sent": outcome.bytes_sent})

    return FileResponse(path, filename=filename, on_finish=note)


@app.get("/log/{key}")
async def tell_log(key: str) -> Response:
    return JSONResponse(log[key])


@app.get("/memory")
async def tell_memory() -> Response:
    """The kibibytes that this process has in memory."""
    (resident,) = re.findall(r"VmRSS:\s*(\d+) kB", await anyio.Path("/proc/self/status").read_text())
    return JSONResponse(int(resident))


@app.get("/finished/{key}")
async def tell(key: str) -> Response:
    """Waits for the end of what was asked for with that key; told once, so that nothing is kept of thousands."""
    with anyio.fail_after(10):
        await ended[key].wait()
    del ended[key]
    return JSONResponse(finished.pop(key))


@app.get("/video")
async def video(src: str) -> Response:
    return HTMLResponse(f'<!doctype html><title>video</title><video preload="metadata" muted src="{escape(src)}">')


# Texts that are odd in a format of lines.
TEXTS = [
    "", "a\nb", "a\rb", "a\r\nb", "\r\n\n\r\ra\n\r", "a\n", "a\u2028b\u2029c", "a\x0b\x0c\x1c\x1d\x1e\x85b", "a\0b",
    "\ufeffa\ufeff", " a", "   a\n  b", ":a\n: b", "data: a\nid: 9\nretry: 1\nevent: forged", "a\n\ndata: forged\n\n",
    "a\ud800b", "😀", "x" * 200_000,
]  # fmt: skip
OBJECTS: list[Any] = [{"a": "\u2028\n\r\0\ud800"}, "text", None, True, 1.5, [], "\ufeff"]
EVENTS: dict[str, list[Any]] = {
    "texts": [ServerSentEvent(raw_data=text) for text in TEXTS],
    "objects": OBJECTS,
    "fields": [
        ServerSentEvent(data=1, event="update", id="7", comment="c\ndata: forged\n\n"),
        ServerSentEvent(data=2),
        ServerSentEvent(event="update", comment="no data: not dispatched"),
        ServerSentEvent(data=3, event="ßü", id="größe "),
        b": as it is\n\n",
        ServerSentEvent(data=4, id=""),
    ],
}


@app.get("/texts")
async def texts() -> Response:
    return JSONResponse(TEXTS)


def resumed(last_event_id: str | None) -> list[ServerSentEvent]:
    start = 0 if last_event_id is None else int(last_event_id) + 1
    return [ServerSentEvent(data=number, id=str(number)) for number in range(start, start + 2)]


@app.get("/events/resumed")
async def resume(request: Request) -> Response:
    """Two events a request, until there have been six; each request for events goes on where the last one was."""
    over = request.headers.get("last-event-id") == "5"
    return EventSourceResponse([], 204) if over else EventSourceResponse(resumed, retry=1)


@app.get("/coded/events")
async def coded_events(coding: str, padding: int = 0) -> Response:
    """Three events, half a second one after the other."""

    async def source() -> AsyncIterator[dict[str, int]]:
        for number in range(3):
            yield {"n": number}
            await anyio.sleep(0.5)

    return EventSourceResponse(source(), compress=Compression(coding, padding=padding))  # type: ignore[arg-type]


@app.get("/coded/{kind}")
async def coded(kind: str, coding: str, path: str = "", padding: int = 0) -> Response:
    """The same text in each way."""
    compress: Any = Compression(coding, padding=padding)  # type: ignore[arg-type]
    if kind == "file":
        return FileResponse(path, compress=compress)
    if kind == "stream":
        return StreamingResponse(TEXT_LINES, media_type="text/plain", compress=compress)
    return PlainTextResponse("".join(TEXT_LINES), compress=compress)


TEXT_LINES = [f"{number:07d} grüße\n" for number in range(50_000)]

channel = Channel()


@app.get("/channel/{key}")
async def subscribe(key: str) -> Response:
    return EventSourceResponse(channel.subscribe, **watching(key))


@app.post("/channel")
async def publish(request: Request) -> Response:
    """Publishes the content; tells how many have been told."""
    await channel.publish(await request.json())
    return JSONResponse(len(channel._subscribers))


@app.get("/events/{name}")
async def events(name: str) -> Response:
    return EventSourceResponse([*EVENTS[name], ServerSentEvent(event="end", data=True)])


TICK = 0.02
CHUNK = bytes(64 * 1024)


def steps(kind: str) -> Iterator[float | bytes]:
    """What a source does: it sleeps for a number, and yields octets."""
    if kind == "refusing":
        raise HTTPException(403)
    if kind == "broken at once":
        raise LookupError
    if kind == "hot":
        yield from itertools.repeat(CHUNK)
    yield b"first"
    if kind == "silent":
        yield 1000.0
    for number in itertools.count() if kind == "ticking" else range(3):
        yield TICK
        yield b"%d" % number
    if kind == "broken":
        raise LookupError


def source(kind: str, seen: dict[str, Any]) -> Iterator[bytes]:
    try:
        for step in steps(kind):
            if isinstance(step, bytes):
                seen["given"] = seen.get("given", 0) + 1
                yield step
            else:
                time.sleep(step)
    finally:
        seen["closed"] = [*seen.get("closed", ()), True]


async def asource(kind: str, seen: dict[str, Any]) -> AsyncIterator[bytes]:
    try:
        for step in steps(kind):
            if isinstance(step, bytes):
                seen["given"] = seen.get("given", 0) + 1
                yield step
            else:
                await anyio.sleep(step)
    finally:
        await anyio.lowlevel.cancel_shielded_checkpoint()
        seen["closed"] = [*seen.get("closed", ()), True]


async def stream(made: str, kind: str, key: str, send_timeout: float | None = None) -> Response:
    options = watching(key)
    content = {"sync": source, "async": asource}[made](kind, finished[key])
    return StreamingResponse(content, send_timeout=send_timeout, **options)


app.get("/stream/{made}/{kind}/{key}")(stream)
app.head("/stream/{made}/{kind}/{key}")(stream)


@app.get("/seen/{key}")
async def tell_seen(key: str) -> Response:
    """The same as `/finished`, but what is known by now."""
    return JSONResponse(finished.get(key))


@app.get("/state")
async def state() -> Response:
    """How much this process has of what may leak."""
    threads = anyio.to_thread.current_default_thread_limiter().borrowed_tokens
    try:
        tasks = len(asyncio.all_tasks())
    except RuntimeError:
        import trio

        tasks = trio.lowlevel.current_statistics().tasks_living
    return JSONResponse({"tasks": tasks, "threads": threads, "descriptors": len(list(Path("/proc/self/fd").iterdir()))})


@app.get("/hinted")
async def hinted() -> Response:
    return PlainTextResponse.lazy(
        lambda: "built", etag=lambda: "v1", early_hints=["</style.css>; rel=preload; as=style"]
    )


@app.get("/trailed")
async def trailed() -> Response:
    return StreamingResponse(["a", "b\n"], content_digest=True, trailers={"x-rows": lambda: 2})


@app.get("/page")
async def page() -> Response:
    return HTMLResponse("<!doctype html><title>cookies</title>")


@app.post("/cookies/{verb}")
async def cookies(verb: str, request: Request) -> Response:
    """Sets, or deletes, the cookies that the content describes."""
    response = Response()
    for described in await request.json():
        getattr(response, f"{verb}_cookie")(**described)
    return response


upstream = httpx.AsyncClient(trust_env=False)


@app.api_route("/proxy/{port}/{path:path}", methods=["GET", "POST"])
async def proxy(request: Request, port: int, path: str) -> ProxyResponse:
    return ProxyResponse.forward(request, f"http://127.0.0.1:{port}", upstream, path=path)


@app.get("/archive")
async def archive(deflate: bool = False) -> ZipResponse:
    return ZipResponse({"tests/": Path(__file__).parent, "zeros": bytes(3_000_000)}, deflate=deflate)


app.mount("/static", StaticFiles(directory=Path(__file__).parent, cache_control="no-cache"))
