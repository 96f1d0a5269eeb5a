"""The application: the page, its assets, the cards' routes, and `/wire`, which shows a card's bytes."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from fastapi import FastAPI, Request

import demo.cards as _cards_register_themselves  # noqa: F401
from demo.cards.broker_lane import counting
from demo.cards.streams_lane import ticking
from demo.gallery import find_exchange, lanes, mounts, router
from demo.render import render_page
from demo.wire import exchange, format_request
from rejoinder import HTMLResponse, PlainTextResponse, Response, StreamingResponse

_PAGE_HEADERS = {
    "Content-Security-Policy": "default-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "Cache-Control": "no-cache",
}
_MEDIA_TYPES = {".css": "text/css", ".js": "text/javascript", ".svg": "image/svg+xml"}
_ASSETS = {
    asset.name: (asset.read_bytes(), _MEDIA_TYPES[asset.suffix])
    for asset in (Path(__file__).parent / "page").iterdir()
    if asset.suffix in _MEDIA_TYPES
}


@asynccontextmanager
async def lifespan(app: FastAPI) -> AsyncIterator[None]:
    async with ticking(app), counting():
        yield


def make_app() -> FastAPI:
    app = FastAPI(openapi_url=None, lifespan=lifespan)
    app.include_router(router)
    for path, files in mounts.items():
        app.mount(path, files)
    page = render_page(list(lanes.values()))

    @app.get("/")
    async def show_page() -> HTMLResponse:
        return HTMLResponse(page, headers=_PAGE_HEADERS)

    app.add_api_route("/page/{name}", send_asset, response_model=None)
    app.add_api_route("/wire/{slug}/{number}", show_wire, response_model=None)
    return app


async def send_asset(name: str) -> Response:
    if name not in _ASSETS:
        return PlainTextResponse("There is no such asset.\n", status_code=404)
    content, media_type = _ASSETS[name]
    return Response(content, media_type=media_type, headers={"Cache-Control": "no-cache"})


async def show_wire(request: Request, slug: str, number: int) -> Response:
    """The conversation about a card: the request as it was sent, and the response as it comes."""
    shown = find_exchange(slug, number)
    if shown is None:
        return PlainTextResponse("There is no such card.\n", status_code=404)
    host, port = request.scope["server"]
    sent = format_request(shown.sent.method, shown.target, f"{host}:{port}", shown.sent.headers)
    headers = {"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"}
    conversation = exchange((host, port), sent)
    return StreamingResponse(conversation, media_type="text/plain", headers=headers, stop_on_shutdown=True)
