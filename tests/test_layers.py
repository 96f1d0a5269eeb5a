"""Imports point down the rings, and the pure rings stay pure."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

import rejoinder

PACKAGE = Path(rejoinder.__file__).parent

# The first pattern that a module matches is its ring. A new file has to be placed here.
RINGS: dict[str, int] = {
    "_http": 0,
    "_encode": 1,
    "_plan": 1,
    "_compression": 1,
    "_coded": 2,
    "_channel": 2,
    "_redis": 2,
    "_redis_client": 2,
    "_lifecycle": 2,
    "_shutdown": 2,
    "_sources": 2,
    "_send": 2,
    "_turns": 2,
    "_calls": 2,
    "_digest": 2,
    "_pull": 2,
    "_alarms": 2,
    "_drive": 2,
    "_stepped": 2,
    "_child": 2,
    "_pump": 2,
    "_offload": 2,
    "_upstream": 2,
    "_archive": 2,
    "_starlette": 3,
    "_options": 3,
    "_response": 3,
    "_json": 3,
    "_file": 3,
    "_listing": 3,
    "_static": 3,
    "_streaming": 3,
    "_events": 3,
    "_lines": 3,
    "_problem": 3,
    "_csv": 3,
    "_proxy": 3,
    "_zip": 3,
    "_version": 3,
    "responses": 4,
    "staticfiles": 4,
    "problems": 4,
    "shutdown": 4,
    "sse": 4,
    "testing": 4,
    "_testing": 4,
    "cli": 4,
    "middleware": 4,
    "__main__": 4,
    "__init__": 4,
}
IMPURE = {"os", "io", "time", "asyncio", "anyio", "starlette", "fastapi", "threading", "socket", "random", "secrets"}
# The one third-party library that a file of the pure rings may need.
ENGINES = {
    "_http/location.py": {"idna"},
    "_encode/brotli.py": {"brotli", "brotlicffi"},
    "_encode/json.py": {"msgspec"},
    "_encode/orjson.py": {"orjson"},
    "_encode/ujson.py": {"ujson"},
    "_encode/zstd.py": {"backports", "compression"},
}
MODULES = sorted(path.relative_to(PACKAGE).as_posix() for path in PACKAGE.rglob("*.py"))


def ring(module: str) -> int:
    return RINGS[module.partition("/")[0].removesuffix(".py")]


def imports(module: str) -> Iterator[str]:
    """Everything a module imports at run time, wherever in the file, as dotted names."""
    tree = ast.parse((PACKAGE / module).read_text())
    typing_only = {
        node
        for block in ast.walk(tree)
        if isinstance(block, ast.If) and ast.unparse(block.test) == "TYPE_CHECKING"
        for node in ast.walk(block)
    }
    for node in ast.walk(tree):
        if node in typing_only:
            continue
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{module}: relative import"
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def own(name: str) -> str | None:
    """The path below the package of what a dotted name imports from it."""
    if name == "rejoinder":
        return "__init__"
    return name.removeprefix("rejoinder.").replace(".", "/") if name.startswith("rejoinder.") else None


@pytest.mark.parametrize("module", MODULES)
def test_imports_point_down(module: str) -> None:
    for name in imports(module):
        below = own(name)
        if below is not None:
            assert ring(below) <= ring(module), f"{module} imports {name}, which lies above it"


@pytest.mark.parametrize("module", [module for module in MODULES if ring(module) <= 1])
def test_the_pure_rings_import_nothing_that_blocks_awaits_or_tells_the_time(module: str) -> None:
    import sys

    for name in imports(module):
        top = name.partition(".")[0]
        assert top not in IMPURE, f"{module} imports {name}"
        assert top == "rejoinder" or top in sys.stdlib_module_names or top in ENGINES.get(module, set()), name


def test_only_one_file_imports_starlettes_responses() -> None:
    assert [m for m in MODULES if any(n.startswith("starlette.responses") for n in imports(m))] == ["_starlette.py"]


@pytest.mark.parametrize(
    ("library", "home"),
    [("obstore", "_sources/objectstore.py"), ("redis", "_redis_client.py"), ("httpx", "_upstream.py")],
)
def test_an_optional_dependency_is_imported_in_one_file(library: str, home: str) -> None:
    assert [m for m in MODULES if any(n.partition(".")[0] == library for n in imports(m))] == [home]


def test_only_one_file_names_the_response_messages() -> None:
    named = [m for m in MODULES if "http.response." in (PACKAGE / m).read_text()]
    assert [m for m in named if not m.startswith(("testing", "_testing"))] == ["_send.py"]


def test_no_file_reaches_into_starlettes_private_parts() -> None:
    for module in MODULES:
        for name in imports(module):
            if name.startswith("starlette."):
                assert not any(part.startswith("_") for part in name.split(".")), f"{module} imports {name}"
