"""The application of `bench.lanes.files.peers.fastapi`, with this library's FileResponse."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fastapi import FastAPI

from bench.lanes.files.peers import UVICORN, FilePeer
from rejoinder import FileResponse

if TYPE_CHECKING:
    from bench.asgi import App


def _app(directory: str) -> App:
    app = FastAPI(openapi_url=None)

    @app.api_route("/{name}", methods=["GET", "HEAD"], response_model=None)
    async def file(name: str) -> FileResponse:
        return FileResponse(f"{directory}/{name}")

    return app


PEER = FilePeer(
    name="fastapi_rejoinder",
    label="FastAPI + rejoinder †",
    note="the same whole application (†), with rejoinder's FileResponse",
    distributions=("fastapi", "rejoinder"),
    app=_app,
    servers=frozenset({UVICORN}),
)
