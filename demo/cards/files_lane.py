"""Content that can be read at any position.

The classes of the files lane: files, and whatever else has a size.
"""

from collections import deque
from functools import partial
from pathlib import Path

from fastapi import Request

from demo.film import make_film
from demo.gallery import Try, View, card, router
from demo.shelf import make_shelf
from rejoinder import FileResponse, JSONResponse, Outcome, StaticFiles

LICENCE = Path(__file__).parents[2] / "LICENSE"
FILM = make_film(Path(__file__).parents[1] / "media" / "clock.mp4", hole=256 * 1024 * 1024)
SHELF = make_shelf()


@card(
    title="A file, whole or in part",
    about="Ranges, validators and the name to save it under. Two ranges come as one multipart answer; "
    "a range of a unit that nobody knows is ignored.",
    view=View.TEXT,
    tries=(
        Try(label="The first 64 bytes", headers={"Range": "bytes=0-63"}),
        Try(label="Two ranges", headers={"Range": "bytes=0-10,-12"}),
        Try(label="Beyond the end", headers={"Range": "bytes=100000-"}),
        Try(label="An unknown unit", headers={"Range": "lines=1-2"}),
    ),
)
def licence() -> FileResponse:
    return FileResponse(LICENCE, media_type="text/plain", filename="Lizenz (Grüße).txt")


requests: deque[tuple[str, str]] = deque(maxlen=6)


def note_request(wanted: str, outcome: Outcome) -> None:
    ending = f"{outcome.ending.value} after {outcome.bytes_sent:,} bytes"
    requests.appendleft((wanted, f"{outcome.status}, {ending}"))


@card(
    title="Seeking in a video",
    about="One minute in a file of 256 MB. Drag the slider: the player asks for the part that it needs, and leaves the "
    "rest of the one before. Below the video is what this server was asked for, the latest first.",
    view=View.VIDEO,
    uses=(note_request,),
    tries=(
        Try(label="As a player begins", headers={"Range": "bytes=0-"}),
        Try(label="After a jump", headers={"Range": "bytes=268435456-"}),
        Try(label="HEAD", method="HEAD"),
    ),
)
def clock(request: Request) -> FileResponse:
    wanted = request.headers.get("range", request.method)
    return FileResponse(FILM, on_finish=partial(note_request, wanted))


@router.get("/requests")
def read_requests() -> JSONResponse:
    return JSONResponse(list(requests))


@card(
    title="A download that was cut",
    about="Who has the beginning asks for the rest, on condition that it is still the same version. "
    "If it is not, the whole comes, and no client glues two versions together.",
    view=View.TEXT,
    tries=(
        Try(label="From the beginning"),
        Try(label="The rest of this version", headers={"Range": "bytes=20-", "If-Range": '"v2"'}),
        Try(label="The rest of an older one", headers={"Range": "bytes=20-", "If-Range": '"v1"'}),
    ),
)
def poem() -> FileResponse:
    verses = "Über allen Gipfeln\nIst Ruh,\n".encode()
    return FileResponse(verses, media_type="text/plain", filename="„Ein Gleiches“.txt", etag="v2")


@card(
    title="Nothing, when nothing has changed",
    about="An entity tag on any response: True hashes the content. Whoever has it already gets a 304, "
    "and whoever wants to change another version a 412.",
    view=View.TEXT,
    tries=(
        Try(label="The first time"),
        Try(label="With If-None-Match", headers={"If-None-Match": "*"}),
        Try(label="With another If-Match", headers={"If-Match": '"another"'}),
    ),
)
def settings() -> JSONResponse:
    return JSONResponse({"theme": "dark", "language": "eo"}, etag=True)


@card(
    title="A folder, as it is",
    about="Mount it, and its files are served: with a listing, with what was compressed when it was built, and with nothing "
    "that begins with a dot or lies outside.",
    view=View.FOLDER,
    tries=(
        Try(label="The listing", path="/"),
        Try(label="A folder without its slash", path="/photos"),
        Try(label="A script", path="/build/app.js"),
        Try(label="The same to who takes gzip", path="/build/app.js", headers={"Accept-Encoding": "gzip"}),
        Try(label="An odd name", path="/50%25%20off%20&%20more%20%231.txt"),
        Try(label=".env", path="/.env"),
        Try(label="../../etc/passwd", path="/%2e%2e/%2e%2e/etc/passwd"),
    ),
)
def shelf() -> StaticFiles:
    return StaticFiles(directory=SHELF, listing=True, cache_control="no-cache")
