"""Starts the gallery: `python -m demo [--port N] [--no-open]`."""

import argparse
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
    config = uvicorn.Config(make_app(), log_level="warning", lifespan="off", ws="none", timeout_graceful_shutdown=1)
    listener = listen(port)
    url = f"http://{HOST}:{listener.getsockname()[1]}/"
    print(f"rejoinder's gallery is at {url} (Ctrl-C ends it)", flush=True)
    if open_page and has_desktop():
        threading.Thread(target=open_browser, args=(url,), daemon=True).start()
    uvicorn.Server(config).run(sockets=[listener])


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
