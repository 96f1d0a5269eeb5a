"""This library."""

from __future__ import annotations

from bench.lanes.bytes.response_classes import peer_of
from rejoinder import JSONResponse, PlainTextResponse, RedirectResponse

PEER = peer_of("rejoinder", "rejoinder", JSONResponse, PlainTextResponse, RedirectResponse)
