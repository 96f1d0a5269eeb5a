"""baize's ASGI response classes, from its pure-Python wheel."""

from __future__ import annotations

from baize.asgi import JSONResponse, PlainTextResponse, RedirectResponse

from bench.lanes.bytes.response_classes import peer_of

PEER = peer_of("baize", "baize", JSONResponse, PlainTextResponse, RedirectResponse)
