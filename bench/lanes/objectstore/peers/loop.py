"""What the documentation of obstore shows: its stream as content of Starlette's StreamingResponse."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from obstore.store import HTTPStore
from starlette.responses import StreamingResponse

from bench.lanes.files.peers import FilePeer
from rejoinder._http.dates import format_date

if TYPE_CHECKING:
    from obstore import GetOptions

    from bench.asgi import App, Receive, Scope, Send


def app_of(url: str, chunk: int) -> App:
    """The app, with chunks of at least so many octets."""
    store = HTTPStore.from_url(url, client_options={"allow_http": True})

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        asked = dict(scope["headers"]).get(b"range")
        options: GetOptions = {}
        if asked is not None:
            first, _, last = asked.decode().removeprefix("bytes=").partition("-")
            options["range"] = (int(first), int(last) + 1)
        found = await store.get_async(scope["path"], options=options)
        start, stop = found.range
        headers = {
            "content-length": str(stop - start),
            "etag": found.meta["e_tag"] or "",
            "last-modified": format_date(found.meta["last_modified"]),
        }
        if asked is not None:
            headers["content-range"] = f"bytes {start}-{stop - 1}/{found.meta['size']}"
        response = StreamingResponse(found.stream(chunk), 206 if asked else 200, headers, "application/octet-stream")
        await response(scope, receive, send)

    return app


PEER = FilePeer(
    name="loop",
    label="loop",
    note="`StreamingResponse(found.stream())` of Starlette, in the chunks of 10 MiB that obstore gives by default; one GET, its "
    "ranges parsed by hand, no conditions, no HEAD",
    distributions=("starlette", "obstore"),
    app=partial(app_of, chunk=10 * 1024 * 1024),
)
