"""Properties are checked with the same examples in each run, however slow the machine. And what JSON is."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import settings

settings.register_profile("same every time", derandomize=True, deadline=None, database=None)
settings.load_profile("same every time")


@pytest.fixture(scope="session")
def parsed() -> Callable[[bytes], Any]:
    """Reads JSON strictly: UTF-8, and none of Python's additions to RFC 8259."""

    def refuse(token: str) -> None:
        pytest.fail(f"{token} is not JSON")

    return lambda encoded: json.loads(encoded.decode("utf-8", "strict"), parse_constant=refuse)
