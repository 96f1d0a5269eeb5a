"""Every example in a docstring runs, and every public name has one."""

import doctest
import importlib
import inspect
from pathlib import Path

import pytest

import rejoinder
import rejoinder.sse

PACKAGE = Path(rejoinder.__file__).parent
MODULES = sorted(
    ".".join(("rejoinder", *path.relative_to(PACKAGE).with_suffix("").parts)).removesuffix(".__init__")
    for path in PACKAGE.rglob("*.py")
)
PUBLIC = {
    f"{module.__name__}.{name}": getattr(module, name)
    for module in (rejoinder, rejoinder.sse)
    for name in module.__all__
    if inspect.isclass(getattr(module, name)) and getattr(module, name).__module__.startswith("rejoinder")
}
# Whose examples are those of the classes that take them.
PARTS = {"Ending", "SlowClient", "Replay", "Backend", "MemoryBackend", "EncodedEvent", "Draft"}


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


@pytest.mark.parametrize("documented", PUBLIC.values(), ids=PUBLIC)
def test_a_public_class_is_documented_with_an_example(documented: type) -> None:
    text = "".join(inspect.getdoc(member) or "" for member in (documented, *vars(documented).values()))
    assert inspect.getdoc(documented)
    assert ">>>" in text or issubclass(documented, BaseException) or documented.__name__ in PARTS
