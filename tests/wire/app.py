"""The app that real servers serve in these tests: each class, and a look at what runs afterwards."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import anyio
from fastapi import FastAPI, Request
from starlette.background import BackgroundTask

from rejoinder import (
    FileResponse,
    HTMLResponse,
    JSONResponse,
    ORJSONResponse,
    Outcome,
    PlainTextResponse,
    RedirectResponse,
    Response,
    StaticFiles,
    UJSONResponse,
)

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
}


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


@app.get("/finished/{key}")
async def tell(key: str) -> Response:
    """Waits for the end of what was asked for with that key."""
    with anyio.fail_after(10):
        await ended[key].wait()
    return JSONResponse(finished[key])


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


app.mount("/static", StaticFiles(directory=Path(__file__).parent, cache_control="no-cache"))
