"""The targets of `fuzz/` take their seeds, and much that is like them, so that they do not rot; without atheris."""

import importlib
import time
from itertools import pairwise
from pathlib import Path
from types import ModuleType

import pytest
from fuzz._mutate import mutants

TARGETS = sorted(path.stem for path in (Path(__file__).parents[1] / "fuzz").glob("[!_]*.py"))
LONG = 16 * 1024


@pytest.fixture(params=TARGETS)
def target(request: pytest.FixtureRequest) -> ModuleType:
    return importlib.import_module(f"fuzz.{request.param}")


def test_its_seeds(target: ModuleType) -> None:
    assert len(target.SEEDS) == len(set(target.SEEDS)) > 3
    for seed in [b"", *target.SEEDS]:
        target.target(seed)


def test_what_is_like_its_seeds(target: ModuleType) -> None:
    for data in mutants(target.SEEDS, 200):
        target.target(data)


def test_what_is_long_ends(target: ModuleType) -> None:
    """What is counted exactly, step by step, is in `http/test_linear_work.py`; here, nothing may go back and forth."""
    for seed in target.SEEDS:
        started = time.process_time()
        target.target(seed * (LONG // len(seed)))
        for before, after in pairwise(range(0, len(seed) + 1, max(1, len(seed) // 3))):
            target.target(seed[:before] + seed[before:after] * (LONG // (after - before)) + seed[after:])
        assert time.process_time() - started < 10


def test_there_is_a_target_for_each_parser_of_a_clients_bytes() -> None:
    assert set(TARGETS) == {
        *("app", "broker", "coding", "conditions", "cookies", "dates", "events", "fields", "filenames", "forwarding"),
        *("listing", "location", "negotiation", "objects", "paths", "plan", "problems", "proxy", "ranges", "serve"),
    }
