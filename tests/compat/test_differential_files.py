"""Files: both send the same, but for what is listed; test_differential_bytes.py explains the rows.

The order of headers and how the content is cut into messages are not compared, nor is the entity tag; rows of their own
show that these differ.
"""

import os
from collections.abc import Callable
from email.utils import formatdate
from pathlib import Path
from typing import Any

from starlette.types import ASGIApp, Receive, Scope, Send
from tests.compat.conftest import send_leveled

FILE = Path(__file__)
STAT = FILE.stat()
SIZE = STAT.st_size
DATE = formatdate(STAT.st_mtime, usegmt=True)


def leveled(app: ASGIApp, method: str, headers: dict[str, str]) -> ASGIApp:
    """The response in a form in which what does not matter is always the same."""

    async def asgi(scope: Scope, receive: Receive, send: Send) -> None:
        fields = [(name.encode(), value.encode()) for name, value in headers.items()]
        await send_leveled(app, {**scope, "method": method, "headers": fields}, receive, send)

    return asgi


def file(*arguments: Any, method: str = "GET", request: Any = None, **options: Any) -> Callable[[Any], Any]:
    options = {} if len(arguments) > 3 else {"media_type": "text/plain", **options}
    return lambda m: leveled(m.FileResponse(*(arguments or (FILE,)), **options), method, request or {})


def ranged(value: str, method: str = "GET", **fields: str) -> Callable[[Any], Any]:
    return file(method=method, request={"range": value, **{name.replace("_", "-"): fields[name] for name in fields}})


ROWS: list[tuple[Any, ...]] = [
    ("whole", file()),
    ("text", file(str(FILE))),
    ("positional", file(FILE, 201, {"x-a": "1"}, "image/png", None, "a.png", None, "inline")),
    ("HEAD", file(method="HEAD")),
    ("head", file(method="head")),
    ("POST with a range", ranged("bytes=0-9", "POST"), "file-range-get?"),
    ("404 with a range", file(FILE, 404, request={"range": "bytes=0-9"}), "file-range-get?"),
    ("stat_result", file(stat_result=STAT)),
    ("headers", file(headers={"ETag": '"a"', "Content-Disposition": "inline", "Accept-Ranges": "bytes"})),
    ("guessed", lambda m: leveled(m.FileResponse(FILE, filename="a.png"), "GET", {})),
    ("guessed text", lambda m: leveled(m.FileResponse(FILE, filename="a.txt"), "GET", {})),
    ("unknown", lambda m: leveled(m.FileResponse(FILE, filename="a.unknown"), "GET", {})),
    ("filename", file(filename="a-b_c.txt")),
    ("inline", file(filename="a.txt", content_disposition_type="inline")),
    ("first", ranged("bytes=0-9")),
    ("one", ranged("bytes=5-5")),
    ("open", ranged("bytes=10-")),
    ("suffix", ranged("bytes=-10")),
    ("long suffix", ranged("bytes=-99999999")),
    ("clamped", ranged("bytes=10-99999999")),
    ("merged", ranged("bytes=0-9,5-20")),
    ("adjoining", ranged("bytes=0-9,10-20")),
    ("without a dash", ranged("bytes=100,0-9")),
    ("only a dash", ranged("bytes=-,0-9")),
    ("letters", ranged("bytes=a-b,0-9")),
    ("nothing", ranged("bytes=")),
    ("inverted", ranged("bytes=9-5")),
    ("inverted by one", ranged("bytes=5-4")),
    ("too many", ranged("bytes=" + ",".join(["0-0"] * 101))),
    ("If-Range date", ranged("bytes=0-9", if_range=DATE)),
    ("If-Range other", ranged("bytes=0-9", if_range='"a"')),
    ("If-Range weak", ranged("bytes=0-9", if_range='W/"a"')),
    ("missing", file("nowhere")),
    ("directory", file(FILE.parent)),
    ("range of HEAD", ranged("bytes=0-9", "HEAD"), "file-range-head"),
    ("malformed", ranged("bytes: 0-9"), "file-range-invalid"),
    ("other unit", ranged("items=0-9"), "file-range-invalid"),
    ("past the end", ranged("bytes=99999999-"), "file-range-416"),
    ("partly past the end", ranged("bytes=99999999-,0-9"), "file-range-416"),
    ("several", ranged("bytes=0-9,20-29"), "file-multipart"),
    ("everything again and again", ranged("bytes=0-,0-,0-"), "file-range-heavy"),
    ("signs", ranged("bytes=+0-9"), "file-range-digits"),
    ("not modified", file(request={"if-modified-since": DATE}), "file-conditions"),
    ("failed", file(request={"if-match": '"x"'}), "file-conditions"),
    ("If-Range in another form", ranged("bytes=0-9", if_range=f"{DATE} "), "file-if-range"),
    ("Unicode name", file(filename="ü.txt"), "file-disposition"),
    ("hostile name", file(filename="../a.txt"), "file-disposition"),
    ("compressed", lambda m: leveled(m.FileResponse(FILE, filename="a.tar.gz"), "GET", {}), "file-media-type"),
    ("below a file", file(f"{FILE}/a"), "file-missing"),
    ("NUL", file("a\0"), "file-missing"),
    ("bytes", file(os.fsencode(FILE)), "file-content"),
    ("None", file(None)),
    ("stale stat_result", file(stat_result=FILE.parent.stat()), "file-stat"),
    ("missing, with stat_result", file("nowhere", stat_result=STAT), "file-stat"),
    ("204", file(FILE, 204), "no-content"),
    ("content-length", file(headers={"content-length": "5"}), "content-length"),
    ("as it is", lambda m: m.FileResponse(FILE), "file-etag"),
]


def test_the_messages_are_the_same_or_the_divergence_is_listed(
    row: tuple[Any, ...], compare: Callable[[tuple[Any, ...]], None]
) -> None:
    compare(row)
