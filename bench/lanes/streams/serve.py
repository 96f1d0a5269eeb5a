"""One peer behind uvicorn: `python -m bench.lanes.streams.serve <port> <peer>`.

An export is asked for as `/jsonl/<rows>` or `/csv/<rows>`, and `/publish/<events>` sends so many events to all who listen.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from bench.lanes.streams.cases import PUBLISH, event_of
from bench.lanes.streams.client import raise_descriptor_limit
from bench.lanes.streams.peers import load
from bench.uvicorn_server import serve

if TYPE_CHECKING:
    from bench.asgi import App, Receive, Scope, Send
    from bench.lanes.streams.peers import StreamPeer


def application(peer: StreamPeer) -> App:
    async def publish(count: int, send: Send) -> None:
        if peer.publish is None:
            raise TypeError(f"{peer.name} does not publish")
        for number in range(count):
            await peer.publish(event_of(number))
        await send({"type": "http.response.start", "status": 204, "headers": []})
        await send({"type": "http.response.body", "body": b""})

    async def dispatch(scope: Scope, receive: Receive, send: Send) -> None:
        case, _, count = scope["path"][1:].partition("/")
        if case == PUBLISH:
            await publish(int(count), send)
            return
        app = (peer.exports or {})[case](int(count)) if count else peer.cases[case]
        await app(scope, receive, send)

    return dispatch


def main(port: str, peer: str) -> None:
    raise_descriptor_limit()
    serve(application(load(peer)), int(port))


if __name__ == "__main__":
    main(*sys.argv[1:])
