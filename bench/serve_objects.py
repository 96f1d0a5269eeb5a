"""One peer behind uvicorn: `python -m bench.serve_objects <peer> <url of the store> <port>`."""

from __future__ import annotations

import sys

from bench.object_peers import load
from bench.serve_files import behind_uvicorn

if __name__ == "__main__":
    name, url, port = sys.argv[1:]
    make = load(name).app
    assert make is not None
    behind_uvicorn(make(url), int(port))
