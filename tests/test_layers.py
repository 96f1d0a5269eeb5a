"""Imports point down the rings, and the pure rings stay pure."""

import ast
import re
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

import pytest
import starlette.responses

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


# The private parts of others that are reached for: each has a test of what is done where it is gone.
PRIVATE = {
    ("_stepped.py", "_task_states"),
    ("_shutdown.py", "_signal.getsignal"),
    ("_shutdown.py", "_target"),  # of a process of `multiprocessing`
    ("_shutdown.py", "_kwargs"),
    ("cli/serve.py", "argparse._SubParsersAction"),  # a type, which has no other name
}


def is_private(name: str) -> bool:
    return re.fullmatch(r"_[A-Za-z]\w*", name) is not None


def private_names(tree: ast.AST) -> tuple[set[str], set[str]]:
    """Those that are defined, and those of objects and classes: attributes, methods, what `getattr` is asked for."""
    defined, members = set(), set()
    for node in ast.walk(tree):
        match node:
            case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name) | ast.ClassDef(name=name):
                defined.add(name)
            case ast.Name(id=name, ctx=ast.Store()):
                defined.add(name)
            case ast.Attribute(attr=name):
                members.add(name)
                if isinstance(node.ctx, ast.Store) and isinstance(node.value, ast.Name) and node.value.id == "self":
                    defined.add(name)
            case ast.Call(
                func=ast.Name(id="getattr" | "hasattr" | "setattr"), args=[_, ast.Constant(value=str() as name), *_]
            ):
                members.add(name)
        if isinstance(node, ast.ClassDef):
            members |= {child.name for child in node.body if isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef)}
    return set(filter(is_private, defined)), set(filter(is_private, members))


def test_no_file_reaches_into_the_private_parts_of_others() -> None:
    names = {module: private_names(ast.parse((PACKAGE / module).read_text())) for module in MODULES}
    ours = set().union(*(defined for defined, _ in names.values())) | {"_asdict", "_fields", "_make", "_replace"}
    reached = {(module, name) for module, (_, members) in names.items() for name in members - ours}
    reached |= {
        (module, name)
        for module in MODULES
        for name in imports(module)
        if own(name) is None and any(map(is_private, name.split(".")))
    }
    assert reached == PRIVATE


def test_no_private_name_of_the_classes_that_ours_are_made_from_is_used() -> None:
    files = [Path(starlette.responses.__file__)]
    if (fastapi := find_spec("fastapi")) is not None and fastapi.origin is not None:
        files += [Path(fastapi.origin).with_name(name) for name in ("responses.py", "sse.py")]
    theirs = set().union(*(private_names(ast.parse(file.read_text("utf-8")))[1] for file in files))
    assert "_wrap_websocket_denial_send" in theirs
    for module in MODULES:
        _, members = private_names(ast.parse((PACKAGE / module).read_text()))
        assert not members & theirs, module
