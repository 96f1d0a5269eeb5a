"""Every example in a docstring runs, and every public name has one."""

import doctest
import importlib
import inspect
from pathlib import Path

import pytest

import rejoinder

PACKAGE = Path(rejoinder.__file__).parent
MODULES = sorted(
    ".".join(("rejoinder", *path.relative_to(PACKAGE).with_suffix("").parts)).removesuffix(".__init__")
    for path in PACKAGE.rglob("*.py")
)
PUBLIC = sorted(name for name in rejoinder.__all__ if inspect.isclass(getattr(rejoinder, name)))
BORROWED = {"EventSourceResponse", "StreamingResponse"}


@pytest.mark.parametrize("name", MODULES)
def test_the_examples_of_a_module_run(name: str) -> None:
    module = importlib.import_module(name)
    assert doctest.testmod(module, optionflags=doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE).failed == 0


@pytest.mark.parametrize("name", [name for name in PUBLIC if name not in BORROWED])
def test_a_public_class_is_documented_with_an_example(name: str) -> None:
    documented = getattr(rejoinder, name)
    text = "".join(inspect.getdoc(member) or "" for member in (documented, *vars(documented).values()))
    assert inspect.getdoc(documented)
    assert ">>>" in text or issubclass(documented, BaseException) or name == "Ending"
