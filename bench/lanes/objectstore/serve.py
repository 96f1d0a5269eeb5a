"""One peer behind uvicorn: `python -m bench.lanes.objectstore.serve <port> <peer> <url of the store>`."""

from __future__ import annotations

import sys

from bench.lanes.objectstore.peers import load
from bench.uvicorn_server import serve


def main(port: str, peer: str, url: str) -> None:
    make = load(peer).app
    assert make is not None
    serve(make(url), int(port))


if __name__ == "__main__":
    main(*sys.argv[1:])
