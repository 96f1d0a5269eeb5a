"""One peer behind uvicorn: `python -m bench.serve_streams <peer> <port>`.

An export is asked for as `/jsonl/<rows>` or `/csv/<rows>`, and `/publish` sends a burst of events to all who listen.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import uvicorn

from bench.stream_cases import BURST, PUBLISH, event_of
from bench.stream_client import raise_descriptor_limit
from bench.stream_peers import load

if TYPE_CHECKING:
    from bench.asgi import App, Receive, Scope, Send
    from bench.stream_peers import StreamPeer


def application(peer: StreamPeer) -> App:
    async def publish(scope: Scope, receive: Receive, send: Send) -> None:
        if peer.publish is None:
            raise TypeError(f"{peer.name} does not publish")
        for number in range(BURST):
            await peer.publish(event_of(number))
        await send({"type": "http.response.start", "status": 204, "headers": []})
        await send({"type": "http.response.body", "body": b""})

    async def dispatch(scope: Scope, receive: Receive, send: Send) -> None:
        case, _, count = scope["path"][1:].partition("/")
        if case == PUBLISH:
            app: App = publish
        elif count:
            app = (peer.exports or {})[case](int(count))
        else:
            app = peer.cases[case]
        await app(scope, receive, send)

    return dispatch


def main(peer: str, port: str) -> None:
    raise_descriptor_limit()
    uvicorn.run(
        application(load(peer)),
        host="127.0.0.1",
        port=int(port),
        http="httptools",
        loop="uvloop",
        lifespan="off",
        access_log=False,
        log_level="error",
        timeout_graceful_shutdown=1,
    )


if __name__ == "__main__":
    main(*sys.argv[1:])
