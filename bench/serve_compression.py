"""One peer of the compression lane behind uvicorn, or in its own server: `python -m bench.serve_compression <peer> <port>`."""

from __future__ import annotations

import sys

from bench.compression_peers import load
from bench.probe import probed


def main(name: str, port: str) -> None:
    peer = load(name)
    if peer.application is None:
        assert peer.main is not None
        peer.main(int(port))
        return
    import uvicorn

    uvicorn.run(
        probed(peer.application()),
        host="127.0.0.1",
        port=int(port),
        http="httptools",
        loop="uvloop",
        lifespan="off",
        access_log=False,
        log_level="error",
    )


if __name__ == "__main__":
    main(*sys.argv[1:])
