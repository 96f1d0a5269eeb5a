"""One peer behind uvicorn: `python -m bench.lanes.bytes.serve <port> <peer>`."""

from __future__ import annotations

import sys

from bench.lanes.bytes.peers import load
from bench.uvicorn_server import serve


def main(port: str, peer: str) -> None:
    serve(load(peer).application(), int(port))


if __name__ == "__main__":
    main(*sys.argv[1:])
