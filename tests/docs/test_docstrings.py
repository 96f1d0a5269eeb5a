"""Every example in a docstring runs, and every public name has one."""

import doctest
import importlib
import inspect
from pathlib import Path

import pytest
from docs.reference import public_names

import rejoinder

PACKAGE = Path(rejoinder.__file__).parent
MODULES = sorted(
    ".".join(("rejoinder", *path.relative_to(PACKAGE).with_suffix("").parts)).removesuffix(".__init__")
    for path in PACKAGE.rglob("*.py")
)
PUBLIC = {
    f"{module}.{name}": value
    for module, names in public_names().items()
    for name in names
    if getattr(value := getattr(importlib.import_module(module), name), "__module__", "").startswith("rejoinder")
}
# What cannot be undone in this process: docs/shutdown.md shows it.
NOT_RUN = {"rejoinder.shutdown.disable"}


# What examples show that is not in the module itself.
NEEDS = {
    "rejoinder._json": ["orjson", "ujson"],
    "rejoinder._proxy": ["httpx"],
    "rejoinder._redis": ["redis"],
    "rejoinder._sources.objectstore": ["obstore"],
}


@pytest.mark.parametrize("name", MODULES)
def test_the_examples_of_a_module_run(name: str) -> None:
    for needed in NEEDS.get(name, []):
        pytest.importorskip(needed)
    module = importlib.import_module(name)
    assert doctest.testmod(module, optionflags=doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE).failed == 0


@pytest.mark.parametrize("name", sorted(PUBLIC.keys() - NOT_RUN))
def test_a_public_name_is_documented_with_an_example(name: str) -> None:
    assert ">>>" in (inspect.getdoc(PUBLIC[name]) or "")
