"""`python -m bench [--quick] [--lane files] [--tables uvicorn,cold] [--output FILE]`.

A full run of a lane writes its tables to `bench/results/<lane>.md`, with a picture of them beside it; anything less is
printed only, so that a quick look never replaces a measurement.
"""

from __future__ import annotations

import argparse
import signal
import sys
import time
from pathlib import Path

from bench import plots
from bench.lanes.archives import lane as archives
from bench.lanes.broker import lane as broker
from bench.lanes.bytes import lane as bytes_
from bench.lanes.compression import lane as compression
from bench.lanes.files import lane as files
from bench.lanes.objectstore import lane as objectstore
from bench.lanes.streams import lane as streams
from bench.measure import FULL, QUICK

LANES = {
    "bytes": bytes_,
    "files": files,
    "streams": streams,
    "compression": compression,
    "archives": archives,
    "objectstore": objectstore,
    "broker": broker,
}
"""A lane is a module with `PURPOSE`, `TABLES` and `run(tables, effort) -> str`."""


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench", description="rejoinder beside its peers, in one run.")
    parser.add_argument("--quick", action="store_true", help="fewer rounds; the report is printed, not kept")
    lanes = "; ".join(f"{name}: {lane.PURPOSE}" for name, lane in LANES.items())
    parser.add_argument("--lane", choices=LANES, action="append", help=f"only this lane ({lanes}); may be repeated")
    parser.add_argument("--tables", help="only these tables of each lane, with commas between them")
    parser.add_argument("--output", type=Path, help="write the report there, whatever the run")
    return parser.parse_args()


def main() -> None:
    asked = arguments()
    # Being told to stop unwinds the stack, and so ends the servers.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    effort = QUICK if asked.quick else FULL
    for name in asked.lane or LANES:
        lane = LANES[name]
        tables = asked.tables.split(",") if asked.tables else lane.TABLES
        if unknown := set(tables) - set(lane.TABLES):
            sys.exit(f"no table {', '.join(sorted(unknown))} in lane {name}; there are: {', '.join(lane.TABLES)}")
        start = time.monotonic()
        text = lane.run(tables, effort)
        print(text)
        output = asked.output or (None if asked.quick or asked.tables else plots.RESULTS / f"{name}.md")
        if output:
            if plots.comparisons(text):
                # After what the machine is, and before the first table.
                text = text.replace("\n\n## ", f"\n\n![The tables as bars]({output.stem}.svg)\n\n## ", 1)
            output.write_text(text, encoding="utf-8")
            plots.draw(output)
        print(
            f"{name}: {time.monotonic() - start:.0f} s" + (f", written to {output}" if output else ""), file=sys.stderr
        )


if __name__ == "__main__":
    main()
