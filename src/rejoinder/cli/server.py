"""uvicorn, made to tell when it can be reached, and to end at once."""

import logging
import socket
import threading
import webbrowser
from collections.abc import Callable
from types import FrameType

import uvicorn
from starlette.types import ASGIApp


def serve(app: ASGIApp, listener: socket.socket, started: Callable[[], None], page: str | None) -> None:
    """Serves until SIGINT or SIGTERM; `started` is called when it is reached, and the page is opened then."""
    config = uvicorn.Config(
        app,
        lifespan="off",
        ws="none",
        log_config=None,
        log_level="error",
        access_log=False,
        proxy_headers=False,
        server_header=False,
        timeout_graceful_shutdown=0,
    )
    _Server(config, started, page).run(sockets=[listener])


class _Server(uvicorn.Server):
    def __init__(self, config: uvicorn.Config, started: Callable[[], None], page: str | None) -> None:
        super().__init__(config)
        self._started = started
        self._page = page

    async def main_loop(self) -> None:
        # Not told in `startup`: who hears of it may end it at once, and some releases of uvicorn then close nothing.
        self._started()
        if self._page is not None:  # in a thread, because some browsers come back only when they are closed
            threading.Thread(target=webbrowser.open, args=(self._page,), daemon=True).start()
        await super().main_loop()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        # Closed, a connection would wait until the client has taken what is in its buffer: for ever, if it takes nothing.
        for connection in self.server_state.connections:
            connection.transport.abort()
        # What does not end by that, or was accepted meanwhile, is not waited for (`timeout_graceful_shutdown`). To cancel
        # it is what the user asked for, and no error.
        logging.getLogger("uvicorn.error").setLevel(logging.CRITICAL)
        await super().shutdown(sockets)

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        # uvicorn's would raise the signal again at the end: a traceback for Ctrl-C, and no status 0.
        self.should_exit = True
