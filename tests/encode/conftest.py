"""What JSON is."""

import json
from collections.abc import Callable
from typing import Any

import pytest


@pytest.fixture(scope="session")
def parsed() -> Callable[[bytes], Any]:
    """Reads JSON strictly: UTF-8, and none of Python's additions to RFC 8259."""

    def refuse(token: str) -> None:
        pytest.fail(f"{token} is not JSON")

    return lambda encoded: json.loads(encoded.decode("utf-8", "strict"), parse_constant=refuse)
