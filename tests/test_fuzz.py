"""The targets of `fuzz/` take their seeds, so that they do not rot; without atheris."""

import importlib
from pathlib import Path

import pytest

TARGETS = sorted(path.stem for path in (Path(__file__).parents[1] / "fuzz").glob("[!_]*.py"))


@pytest.mark.parametrize("name", TARGETS)
def test_the_seeds_of_a_target(name: str) -> None:
    module = importlib.import_module(f"fuzz.{name}")
    assert len(module.SEEDS) == len(set(module.SEEDS)) > 3
    for seed in [b"", *module.SEEDS]:
        module.target(seed)


def test_there_is_a_target_for_each_parser_of_a_clients_bytes() -> None:
    assert TARGETS == ["conditions", "dates", "filenames", "plan", "ranges"]
