"""Content that can be read at any position.

The classes of the files lane: files, and whatever else has a size.
"""

from pathlib import Path

from demo.gallery import Try, View, card
from rejoinder import FileResponse, JSONResponse

LICENCE = Path(__file__).parents[2] / "LICENSE"


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
