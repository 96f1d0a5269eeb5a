"""One peer behind an ASGI server: `python -m bench.lanes.files.serve <port> <server> <peer> <directory> [probed]`."""

from __future__ import annotations

import sys
from functools import partial
from typing import TYPE_CHECKING

from bench.lanes.files.peers import GRANIAN, load
from bench.probe import probed
from bench.uvicorn_server import serve

if TYPE_CHECKING:
    from bench.asgi import App


def application(peer: str, directory: str) -> App:
    make = load(peer).app
    if make is None:
        raise TypeError(f"{peer} brings its own server")
    return make(directory)


def behind_granian(peer: str, directory: str, port: int) -> None:
    from granian import Granian
    from granian.constants import Interfaces, Loops
    from granian.log import LogLevels

    # Its worker is a process of its own, which makes the app there.
    server = Granian(
        peer, address="127.0.0.1", port=port, interface=Interfaces.ASGINL, loop=Loops.uvloop, log_level=LogLevels.error
    )
    server.serve(target_loader=partial(application, peer, directory), wrap_loader=False)


def main(port: str, server: str, peer: str, directory: str, *options: str) -> None:
    if server == GRANIAN:
        behind_granian(peer, directory, int(port))
    else:
        app = application(peer, directory)
        serve(probed(app) if "probed" in options else app, int(port))


if __name__ == "__main__":
    main(*sys.argv[1:])
