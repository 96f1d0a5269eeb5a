"""A FastAPI path operation that returns a FileResponse, with all that is around it: routing, dependencies, middleware."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fastapi import FastAPI
from fastapi.responses import FileResponse

from bench.lanes.files.cases import NOT_MODIFIED
from bench.lanes.files.peers import UVICORN, FilePeer

if TYPE_CHECKING:
    from bench.asgi import App


def _app(directory: str) -> App:
    app = FastAPI(openapi_url=None)

    @app.api_route("/{name}", methods=["GET", "HEAD"], response_model=None)
    async def file(name: str) -> FileResponse:
        return FileResponse(f"{directory}/{name}")

    return app


PEER = FilePeer(
    name="fastapi",
    label="FastAPI †",
    note="a whole FastAPI application (†): a path operation that returns FileResponse(path)",
    distributions=("fastapi",),
    app=_app,
    servers=frozenset({UVICORN}),
    lacks={NOT_MODIFIED: "sends the file"},
)
