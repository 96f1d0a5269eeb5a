"""One peer of the compression lane behind uvicorn, or in its own server: `python -m bench.lanes.compression.serve <port> <peer>`."""

from __future__ import annotations

import sys

from bench.lanes.compression.peers import load
from bench.probe import probed
from bench.uvicorn_server import serve


def main(port: str, name: str) -> None:
    peer = load(name)
    if peer.application is None:
        assert peer.main is not None
        peer.main(int(port))
    else:
        serve(probed(peer.application()), int(port))


if __name__ == "__main__":
    main(*sys.argv[1:])
