"""Requests for objects of a store."""

from functools import cache
from typing import TYPE_CHECKING, Any

import anyio
from obstore.store import LocalStore, MemoryStore

from fuzz._requests import fetch, read_request
from fuzz._site import PUBLIC, SECRET, site
from fuzz.paths import with_errors
from rejoinder import ObjectStoreDirectory, StaticFiles
from rejoinder._http.etags import parse_etag
from rejoinder._http.fields import checked
from rejoinder._sources.objectstore import _entity_tag, _stored_fields

if TYPE_CHECKING:
    from obstore import Attributes

SEEDS = [
    b"GET /file.txt\nrange: bytes=0-4",
    b"GET /sub\nsec-fetch-mode: navigate",
    b"GET /../shop-secret",
    b"GET /%2e%2e/shop-secret/",
    b"GET /list/\n",
    b"GET //file.txt/%00",
    b"HEAD /list/a%20b%2520c.txt",
    b"GET /odd/caf%e9.txt#%\n",
]
BESIDE = ("sites/shop-secret", "sites/secret", "sites/shop", "sites/shop/.env")


@cache
def apps() -> list[Any]:
    store = MemoryStore()
    for name, content in PUBLIC.items():
        store.put(f"sites/shop/{name}", content)
    for key in BESIDE:
        store.put(key, SECRET)
    places = (ObjectStoreDirectory(store, "sites/shop"), ObjectStoreDirectory(LocalStore(site().parent), "root"))
    return [with_errors(StaticFiles(directory=each, html=True, listing=True)) for each in places]


def target(data: bytes) -> None:
    check_stored(data.decode("utf-8", "replace"))
    request = read_request(data)
    for number, app in enumerate(apps()):
        answer = anyio.run(fetch, app, request)
        # A LocalStore follows links, as the store does.
        assert SECRET not in answer.body or (number and b"up" in request.target) or b"out.txt" in request.target
        # Of a directory with a name that is no UTF-8, a LocalStore tells nothing.
        assert answer.status in {200, 206, 304, 307, 400, 404, 405, 412, 416} or (number and b"odd" in request.target)


def check_stored(text: str) -> None:
    """What a store says of an object, and whoever put it there: it is sent as it is, or not at all."""
    attributes: Attributes = {"Content-Type": text, "Cache-Control": text, "x": text}
    fields = _stored_fields(attributes)
    assert checked(fields) == fields
    assert fields[0][0] == b"content-type"
    told = _entity_tag(text)
    assert told is None or parse_etag(told.encode())
