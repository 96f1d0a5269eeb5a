"""Systems on which files are found in different ways, which must give the same answers."""

import errno
import os
from collections.abc import Callable
from typing import Any

import pytest

from rejoinder._sources import openat2


def forbidden(*args: object) -> Any:
    raise OSError(errno.EPERM, os.strerror(errno.EPERM))


SYSTEMS: dict[str, Callable[[pytest.MonkeyPatch], None]] = {
    "kernel": lambda patch: None,
    "portable": lambda patch: patch.setattr(openat2, "openat2", forbidden),
}


@pytest.fixture(params=SYSTEMS)
def system(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Once with the kernel's way of keeping beneath a root, and once as where there is none."""
    SYSTEMS[request.param](monkeypatch)
    return str(request.param)
