"""Runs one target until it breaks, or a flag of libFuzzer ends it: `python -m fuzz ranges -max_total_time=60`."""

import importlib
import sys
import tempfile
from pathlib import Path

import atheris

TARGETS = sorted(path.stem for path in Path(__file__).parent.glob("[!_]*.py"))


def main() -> None:
    name, *flags = sys.argv[1:] or [""]
    if name not in TARGETS:
        sys.exit(f"usage: python -m fuzz {{{','.join(TARGETS)}}} [flags of libFuzzer]")
    with atheris.instrument_imports(include=["rejoinder"]):
        target = importlib.import_module(f"fuzz.{name}")
    with tempfile.TemporaryDirectory() as corpus:
        for number, seed in enumerate(target.SEEDS):
            (Path(corpus) / str(number)).write_bytes(seed)
        atheris.Setup([sys.argv[0], *flags, corpus], target.target)
        atheris.Fuzz()


main()
