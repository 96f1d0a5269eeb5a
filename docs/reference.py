"""The reference: a page for each public module, and on it every name of its `__all__`, once in all."""

import importlib
import pkgutil
import re
from typing import Any

import rejoinder

_SESSION = re.compile(r"^( *)>>> .*(?:\n(?!\s*$).*)*", re.MULTILINE)


def public_names() -> dict[str, list[str]]:
    """Of each module that users import from, its names: the package itself, and what is below it and has `__all__`."""
    below = sorted(
        f"rejoinder.{found.name}" for found in pkgutil.iter_modules(rejoinder.__path__) if found.name[0] != "_"
    )
    modules = {name: _module(name) for name in ("rejoinder", *below)}
    return {
        name: [public for public in module.__all__ if public[0] != "_"]
        for name, module in modules.items()
        if hasattr(module, "__all__")
    }


def reference_pages() -> dict[str, str]:
    """The pages by module. mkdocstrings puts the docstrings in where it says `:::`."""
    home: dict[int, str] = {}
    pages: dict[str, str] = {}
    for module, names in public_names().items():
        values = {name: getattr(_module(module), name) for name in names}
        own = [name for name in names if home.setdefault(id(values[name]), module) == module]
        also = [
            f"[`{name}`]({home[id(values[name])]}.md#{home[id(values[name])]}.{name})"
            for name in names
            if name not in own
        ]
        parts = [f"# `{module}`", f"::: {module}\n    options:\n      members: false\n      show_root_heading: false"]
        parts += [f"Also here: {', '.join(also)}."] if also else []
        pages[module] = "\n\n".join([*parts, *(f"::: {module}.{name}" for name in own)]) + "\n"
    return pages


def fence(docstring: str) -> str:
    """The docstring with a fence around each session of the interpreter, which ends at the next empty line."""
    return _SESSION.sub(lambda found: f"{found[1]}```pycon\n{found[0]}\n{found[1]}```", docstring)


def _module(name: str) -> Any:
    return importlib.import_module(name)
