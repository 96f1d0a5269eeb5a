"""One peer behind uvicorn, on a socket that the parent has bound: `python -m bench.serve <peer> <fd>`."""

from __future__ import annotations

import socket
import sys

import uvicorn

from bench.peers import load


def main() -> None:
    peer, descriptor = sys.argv[1], int(sys.argv[2])
    config = uvicorn.Config(
        load(peer).application(), http="httptools", loop="uvloop", lifespan="off", access_log=False, log_level="error"
    )
    uvicorn.Server(config).run(sockets=[socket.socket(fileno=descriptor)])


if __name__ == "__main__":
    main()
