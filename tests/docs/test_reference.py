"""Every public name has a page of the reference that tells what it is."""

import importlib
import inspect
import re

import pytest
from docs.reference import fence, public_names, reference_pages

NAMES = [(module, name) for module, names in public_names().items() for name in names]


def test_the_modules_that_users_import_from() -> None:
    assert set(public_names()) >= {
        "rejoinder",
        "rejoinder.responses",
        "rejoinder.shutdown",
        "rejoinder.sse",
        "rejoinder.staticfiles",
        "rejoinder.testing",
    }


@pytest.mark.parametrize(("module", "name"), NAMES, ids=[f"{module}.{name}" for module, name in NAMES])
def test_a_public_name_is_documented(module: str, name: str) -> None:
    value = getattr(importlib.import_module(module), name)
    assert inspect.getdoc(value), "it has no docstring"
    blocks = [re.findall(rf"^::: ([\w.]+\.{name})$", page, re.MULTILINE) for page in reference_pages().values()]
    homes = [block for page in blocks for block in page if block not in public_names()]  # a module may have its name
    assert len(homes) == 1
    assert f"::: {module}.{name}\n" in reference_pages()[module] or f"[`{name}`](" in reference_pages()[module]


def test_members_are_documented() -> None:
    """Methods and properties that a class of ours adds or overrides, and that do not begin with `_`."""
    bare = {
        f"{module}.{name}.{member}"
        for module, name in NAMES
        if inspect.isclass(value := getattr(importlib.import_module(module), name))
        for member, found in vars(value).items()
        if member[0] != "_" and (inspect.isfunction(found) or isinstance(found, property | classmethod))
        if not inspect.getdoc(found)
    }
    assert bare == set()


@pytest.mark.parametrize(
    ("text", "fenced"),
    [
        ("Says.\n\n>>> 1\n1", "Says.\n\n```pycon\n>>> 1\n1\n```"),
        (
            "Says.\n\n    >>> 1\n    1\n    >>> 2\n    2\n\nMore.",
            "Says.\n\n    ```pycon\n    >>> 1\n    1\n    >>> 2\n    2\n    ```\n\nMore.",
        ),
        ("Nothing.", "Nothing."),
    ],
    ids=["at the end", "within", "none"],
)
def test_an_example_is_fenced(text: str, fenced: str) -> None:
    assert fence(text) == fenced
