"""The same loop with smaller chunks."""

from __future__ import annotations

from functools import partial

from bench.lanes.files.peers import FilePeer
from bench.lanes.objectstore.peers.loop import app_of

PEER = FilePeer(
    name="loop_64k",
    label="loop, 64 KiB",
    note="the same with `found.stream(65536)`",
    distributions=("starlette", "obstore"),
    app=partial(app_of, chunk=64 * 1024),
)
