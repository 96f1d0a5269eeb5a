"""Content that is made while it is sent.

The classes of the streams lane: each item leaves when it is there, and what makes them is closed when the client leaves.
"""

import asyncio
import sys
from collections.abc import AsyncGenerator, AsyncIterator, Iterator
from contextlib import aclosing, asynccontextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import count
from math import sin

from fastapi import FastAPI, HTTPException, Request

from demo.gallery import Try, View, card, router
from demo.journal import journal, numbers
from rejoinder import (
    CSVResponse,
    JSONArrayResponse,
    JSONLinesResponse,
    JSONResponse,
    Outcome,
    Response,
    StreamingResponse,
)
from rejoinder.sse import Channel, EventSourceResponse, ServerSentEvent

ticks = Channel()


async def tick() -> None:
    for number in count(1):
        await ticks.publish({"tick": number, "time": f"{datetime.now(UTC):%H:%M:%S}"})
        await asyncio.sleep(1)


@card(
    title="Events that are not lost",
    about="One publisher, any number of clients. Cut the connection: the browser comes back by itself, says which event "
    "it had last, and gets what it missed.",
    view=View.TICKS,
    uses=("ticks", tick),
    tries=(
        Try(label="From now on"),
        Try(label="After an event that nobody has", headers={"Last-Event-ID": "long-ago"}),
    ),
)
async def ticking_clock(visit: int = 0) -> EventSourceResponse:
    def watch(last_event_id: str | None) -> AsyncIterator[object]:
        journal.append((visit, f"connected; Last-Event-ID: {last_event_id or 'none'}"))
        return ticks.subscribe(last_event_id)

    def note(outcome: Outcome) -> None:
        journal.append((visit, f"{outcome.ending.value} after {outcome.bytes_sent:,} bytes"))

    return EventSourceResponse(watch, retry=2000, on_finish=note)


@asynccontextmanager
async def ticking(_: FastAPI) -> AsyncIterator[None]:
    clock = asyncio.create_task(tick())
    yield
    clock.cancel()


@router.post("/visits")
def begin_visit() -> JSONResponse:
    return JSONResponse(next(numbers))


@router.post("/visits/{visit}/cut")
async def cut(request: Request, visit: int) -> Response:
    """Cuts the connection of a visitor's clock, as a network does when it fails."""
    for connection in tuple(request.app.state.connections):
        if connection.scope is not None and connection.scope["query_string"] == b"visit=%d" % visit:
            connection.transport.abort()
    return Response(status_code=204)


VERSES = """I was angry with my friend;
I told my wrath, my wrath did end.
I was angry with my foe:
I told it not, my wrath did grow.

And I watered it in fears
Night and morning with my tears,
And I sunned it with smiles
And with soft deceitful wiles."""


async def language_model() -> AsyncGenerator[str, None]:
    """Stands in for one: it says a word at a time, and William Blake's."""
    for token in VERSES.replace("\n", " \n").split(" "):
        await asyncio.sleep(0.07)
        yield f"{token} "


async def answer(number: int) -> AsyncIterator[object]:
    tokens = 0
    try:
        async with aclosing(language_model()) as model:
            async for token in model:
                tokens += 1
                yield {"token": token}
        yield ServerSentEvent(event="done", data=tokens)
    finally:
        journal.append((number, f"the source was closed after {tokens} tokens"))


@card(
    title="Tokens, as a model finds them",
    about="Each leaves at once. When the visitor has read enough, the source is closed, and with it the request to the "
    "model: nobody pays for what nobody reads.",
    view=View.TOKENS,
    uses=(language_model, answer),
    tries=(Try(label="Ask again"),),
)
async def ask() -> EventSourceResponse:
    number = next(numbers)

    def note(outcome: Outcome) -> None:
        journal.append((number, f"on_finish: {outcome.ending.value}, {outcome.bytes_sent:,} bytes"))

    headers = {"Location": f"/journal/{number}"}
    return EventSourceResponse(answer(number), headers=headers, on_finish=note)


def measurements(rows: int) -> Iterator[tuple[object, ...]]:
    for row in range(rows):
        yield row, "station " + "ABC"[row % 3], round(15 + 10 * sin(row / 1000), 2)


@card(
    title="A million rows",
    about="A table that is never in memory as a whole, neither here nor on its way. The server takes rows no faster than "
    "the client reads them, and its memory stays as it is.",
    view=View.ROWS,
    uses=(measurements,),
    tries=(Try(label="Send a million", query={"rows": "1000000"}),),
)
def export(rows: int = 1_000_000) -> CSVResponse:
    columns = ("row", "station", "celsius")
    return CSVResponse(measurements(rows), columns=columns, filename="measurements.csv")


@router.get("/memory")
def memory() -> JSONResponse:
    """The most memory that this process has ever had, in bytes; null where the system does not tell."""
    with suppress(ImportError):
        import resource

        unit = 1 if sys.platform == "darwin" else 1024
        return JSONResponse(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit)
    return JSONResponse(None)


@dataclass
class Step:
    at: datetime
    what: str


async def deploy() -> AsyncIterator[Step]:
    for what in ("build", "run 1,412 tests", "upload", "switch over", "greet the first visitor"):
        await asyncio.sleep(0.6)
        yield Step(datetime.now(UTC), what)


@card(
    title="JSON, line by line",
    about="Progress that a script or a page reads while it happens: a line is an object, complete, and there is no end to "
    "wait for.",
    view=View.LINES,
    uses=(Step, deploy),
)
async def progress() -> JSONLinesResponse:
    return JSONLinesResponse(deploy(), keepalive=10)


def books(fails_after: int) -> Iterator[dict[str, str]]:
    titles = ("Emma", "Persuasion", "Sanditon")
    for number, title in enumerate(titles):
        if number == fails_after:
            raise HTTPException(503, "the database is gone")
        yield {"title": title}


@card(
    title="A failure that does not look like success",
    about="What fails before the first item is an ordinary error, with its status. What fails later is told by "
    "on_error in valid JSON; without it, the connection is cut.",
    view=View.JSON,
    uses=(books,),
    tries=(
        Try(label="No failure"),
        Try(label="At once", query={"fails_after": "0"}),
        Try(label="In the middle", query={"fails_after": "2"}),
    ),
)
def catalogue(fails_after: int = 9) -> JSONArrayResponse:
    return JSONArrayResponse(books(fails_after), envelope="books", on_error=str)


async def slow_page() -> AsyncIterator[str]:
    yield "<!doctype html><meta name=color-scheme content='light dark'>"
    yield "<body style='font-family: system-ui'><h1>Today</h1><p>Looking out of the window ..."
    for found in ("rain", "two cats", "no letters"):
        await asyncio.sleep(0.8)
        yield f"<p>Found: {found}."


@card(
    title="A page that begins before it is done",
    about="The top of the page is there while the rest is looked up. What is ready together leaves together, and nothing "
    "waits when the source waits.",
    view=View.PAGE,
    uses=(slow_page,),
)
async def today() -> StreamingResponse:
    return StreamingResponse(slow_page(), media_type="text/html")
