"""What tests share: properties with the same examples in each run; nothing blocks the loop, no descriptor is left open."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from blockbuster import blockbuster_ctx
from hypothesis import settings

settings.register_profile("same every time", derandomize=True, deadline=None, database=None)
settings.load_profile("same every time")

DESCRIPTORS = Path("/proc/self/fd")
EFFECTS = [
    f"rejoinder.{name}"
    for name in (
        "_sources", "_file", "_send", "_lifecycle", "_turns", "_streaming", "_pump", "_drive", "_pull", "_shutdown", "_channel",
        "_redis", "_archive", "_zip", "_encode.zip", "_offload", "_upstream", "_proxy", "_digest", "_calls", "_coded",
    )
]  # fmt: skip


@pytest.fixture(scope="session")
def axe() -> str:
    """The script of axe-core, which finds what some people could not use in a page."""
    script = Path(__file__).parents[1] / "node_modules/axe-core/axe.min.js"
    if not script.exists():
        pytest.skip("no axe-core here: npm install --no-save axe-core@4")
    return script.read_text("utf-8")


@pytest.fixture
def nothing_blocks() -> Iterator[None]:
    """A blocking call on the event loop out of a module with effects is an error. (asyncio; trio cannot be watched.)"""
    with blockbuster_ctx(EFFECTS):
        yield


@pytest.fixture
def all_closed() -> Iterator[None]:
    """The test ends with the descriptors it began with."""
    if not DESCRIPTORS.exists():
        yield
        return
    before = len(list(DESCRIPTORS.iterdir()))
    yield
    assert len(list(DESCRIPTORS.iterdir())) == before
