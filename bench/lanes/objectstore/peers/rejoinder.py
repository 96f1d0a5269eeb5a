"""This library's FileResponse of an ObjectStoreFile."""

from __future__ import annotations

from typing import TYPE_CHECKING

from obstore.store import HTTPStore

from bench.lanes.files.peers import FilePeer
from rejoinder import FileResponse, ObjectStoreFile

if TYPE_CHECKING:
    from bench.asgi import App, Receive, Scope, Send


def _make(url: str) -> App:
    store = HTTPStore.from_url(url, client_options={"allow_http": True})

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await FileResponse(ObjectStoreFile(store, scope["path"].removeprefix("/")))(scope, receive, send)

    return app


PEER = FilePeer(
    name="rejoinder",
    label="rejoinder",
    note="`FileResponse(ObjectStoreFile(store, key))`: HEAD, conditions, ranges, GET with If-Match",
    distributions=("rejoinder", "obstore"),
    app=_make,
)
