"""What tests share: properties with the same examples in each run; nothing blocks the loop, no descriptor is left open."""

from collections.abc import Iterable, Iterator
from importlib.util import find_spec
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
        "_redis", "_archive", "_zip", "_encode.zip", "_offload", "_proxy", "_digest", "_calls", "_coded",
        *(["_upstream"] if find_spec("httpx") else []),
    )
]  # fmt: skip

# What is missing where the package is installed without its extras, or without what only its developers have.
ABSENT = {
    name
    for name in (
        "attrs", "backports", "brotli", "brotlicffi", "fastapi", "h11", "h2", "httpx", "numpy", "obstore", "orjson",
        "pydantic", "redis", "selenium", "tomli_w", "ujson", "uvicorn", "uvloop",
    )
    if find_spec(name) is None
}  # fmt: skip


def skip_for_want_of_what_is_absent(raised: BaseException) -> None:
    """If that is what led to this error. Where all is installed, it never is."""
    error: BaseException | None = raised
    while error is not None:
        if isinstance(error, ModuleNotFoundError) and (error.name or "").partition(".")[0] in ABSENT:
            pytest.skip(f"{error.name} is not installed", allow_module_level=True)
        error = error.__cause__ or error.__context__


class Module(pytest.Module):
    """A module of tests, which may import what is absent."""

    def collect(self) -> Iterable[pytest.Item | pytest.Collector]:
        try:
            return super().collect()
        except Exception as error:
            skip_for_want_of_what_is_absent(error)
            raise


def pytest_pycollect_makemodule(module_path: Path, parent: pytest.Collector) -> pytest.Module:
    module: pytest.Module = Module.from_parent(parent, path=module_path)
    return module


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call() -> Iterator[None]:
    """One of a table of tests may need what is absent; that the package itself says so, `test_requirements.py` sees to."""
    try:
        yield
    except Exception as error:
        skip_for_want_of_what_is_absent(error)
        raise


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
    """The test leaves no descriptor open. There may be fewer: one that lay about before it can be collected meanwhile."""
    if not DESCRIPTORS.exists():
        yield
        return
    before = len(list(DESCRIPTORS.iterdir()))
    yield
    assert len(list(DESCRIPTORS.iterdir())) <= before
