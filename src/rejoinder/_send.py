"""To the wire: the only file that knows the names of ASGI's response messages."""

import logging
from collections.abc import MutableMapping
from typing import Any

from starlette.types import Scope, Send

from rejoinder._http.fields import Field
from rejoinder._lifecycle import ClientLeft, Exchange

_logger = logging.getLogger("rejoinder")

START = "http.response.start"
BODY = "http.response.body"
_DENIAL_EXTENSION = "websocket.http.response"


async def send_whole(scope: Scope, send: Send, exchange: Exchange, fields: list[Field], body: bytes) -> None:
    """Sends a response that is complete in memory: to a request, or as the denial of a WebSocket.

    Raises:
        ClientLeft: the server said that the client is gone.
    """
    prefix = ""
    if scope["type"] == "websocket":
        if _DENIAL_EXTENSION not in (scope.get("extensions") or {}):
            # The ASGI specification: closed before it was accepted, the server answers the handshake with a 403.
            await _send(send, {"type": "websocket.close", "code": 1008, "reason": ""})
            return
        prefix = "websocket."
    await _send(send, {"type": prefix + START, "status": exchange.status, "headers": fields})
    await _send(send, {"type": prefix + BODY, "body": body})
    exchange.bytes_sent += len(body)


async def _send(send: Send, message: MutableMapping[str, Any]) -> None:
    try:
        await send(message)
    # ASGI 2.4: "If send() is called on a connection that is already closed, it should raise a server-specific
    # subclass of OSError."
    except OSError as error:
        note_client_left(error)
        raise ClientLeft from error


def note_client_left(error: OSError) -> None:
    """Leave a trace for whoever wonders: middleware between here and the server may raise an OSError of its own."""
    _logger.debug("the client has left: %r", error)
