"""Starts the gallery: `python -m demo [--port N] [--no-open]`."""

import argparse
import logging
import os
import socket
import sys
import threading
import webbrowser
from contextlib import suppress

import uvicorn

from demo.app import make_app

HOST = "127.0.0.1"
PORTS_TO_TRY = 100


def main() -> None:
    options = parse_arguments()
    with suppress(KeyboardInterrupt):
        serve(options.port, open_page=options.open)


def serve(port: int, *, open_page: bool) -> None:
    app = make_app()
    logging.getLogger("rejoinder").setLevel(logging.CRITICAL)  # a card fails on purpose
    config = uvicorn.Config(app, log_level="warning", ws="none", timeout_graceful_shutdown=1)
    listener = listen(port)
    server = Server(config, f"http://{HOST}:{listener.getsockname()[1]}/", open_page=open_page)
    app.state.connections = server.server_state.connections  # one of them can be cut
    server.run(sockets=[listener])


class Server(uvicorn.Server):
    """Tells its URL once it can be reached, and Ctrl-C is listened to: not before."""

    def __init__(self, config: uvicorn.Config, url: str, *, open_page: bool) -> None:
        super().__init__(config)
        self._url = url
        self._open_page = open_page

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        print(f"rejoinder's gallery is at {self._url} (Ctrl-C ends it)", flush=True)
        if self._open_page and has_desktop():
            threading.Thread(target=open_browser, args=(self._url,), daemon=True).start()


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m demo", description="The gallery of rejoinder's responses.")
    parser.add_argument("--port", type=int, default=8000, help="the first port to try; 0 for any (default: 8000)")
    parser.add_argument("--no-open", dest="open", action="store_false", help="do not open a browser")
    return parser.parse_args()


def listen(port: int) -> socket.socket:
    """A listening socket on the port, or on the next one that is free."""
    for candidate in range(port, port + PORTS_TO_TRY):
        with suppress(OSError, OverflowError):
            return socket.create_server((HOST, candidate))
    sys.exit(f"no port from {port} to {port + PORTS_TO_TRY - 1} is free; pass another one with --port")


def has_desktop() -> bool:
    return sys.platform in {"darwin", "win32"} or bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))


def open_browser(url: str) -> None:
    with suppress(Exception):  # the URL has been printed; a desktop without a browser is no reason to fail
        webbrowser.open(url)


if __name__ == "__main__":
    main()
