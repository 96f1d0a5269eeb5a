"""Starlette's response classes, which are also FastAPI's."""

from __future__ import annotations

from starlette.responses import JSONResponse, PlainTextResponse, RedirectResponse

from bench.lanes.bytes.response_classes import peer_of

PEER = peer_of("starlette", "Starlette", JSONResponse, PlainTextResponse, RedirectResponse)
