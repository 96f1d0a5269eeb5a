"""RFC 8259, section 9: "An implementation may set limits on the maximum depth of nesting." Content that has no end is
a clear error in every engine, and never ends the interpreter."""

import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import pytest

from rejoinder._encode import json, orjson, ujson

Encode = Callable[..., bytes]
ENGINES: dict[str, Encode] = {"msgspec": json.encode_json, "orjson": orjson.encode_json, "ujson": ujson.encode_json}
NO_END = (
    r"^the content cannot be JSON: it contains itself, or is nested deeper than (Python's recursion limit|\w+ allows)$"
)

DEEPEST = 500_000  # lists: from Python 3.14 on only the end of the C stack counts, and msgspec needs little of it


class Unknown:
    pass


@dataclass
class Data:
    x: object


def nested(levels: int, wrap: Callable[[object], object] = lambda inner: [inner], innermost: object = 0) -> object:
    for _ in range(levels):
        innermost = wrap(innermost)
    return innermost


def circular(content: Any, put: Callable[[Any], object]) -> object:
    put(content)
    return content


@pytest.mark.parametrize("engine", ENGINES)
class TestEnds:
    @pytest.mark.parametrize(
        "content",
        [
            pytest.param(circular([], lambda c: c.append(c)), id="list in itself"),
            pytest.param(circular({}, lambda c: c.update(a=c)), id="dict in itself"),
            pytest.param(circular({}, lambda c: c.update(a=[(c,)])), id="dict in a tuple in itself"),
            pytest.param(circular(Data(0), lambda c: setattr(c, "x", [c])), id="dataclass in itself"),
            pytest.param(nested(DEEPEST), id="deep lists"),
            pytest.param(nested(100_000, lambda inner: {"a": inner}), id="deep dicts"),
            pytest.param(nested(DEEPEST, lambda inner: (inner,)), id="deep tuples"),
            pytest.param(nested(100_000, Data), id="deep dataclasses"),
            pytest.param(["a", 2**60, None, nested(DEEPEST)], id="deep lists last"),
            pytest.param(
                {UUID(int=1): {True: nested(DEEPEST, lambda inner: (inner,))}}, id="deep tuples below odd keys"
            ),
            pytest.param([Unknown(), 1j, nested(DEEPEST, lambda inner: (inner,))], id="deep tuples after odd values"),
        ],
    )
    @pytest.mark.parametrize("nan", ["null", "error"])
    def test_content_without_end(self, engine: str, content: object, nan: str) -> None:
        with pytest.raises(ValueError, match=NO_END):
            ENGINES[engine](content, lambda value: 0, nan)

    @pytest.mark.parametrize(
        "default",
        [
            pytest.param(lambda value: value, id="the same"),
            pytest.param(lambda value: [value], id="the same in a list"),
            pytest.param(lambda value: Unknown(), id="another of its type"),
            pytest.param(lambda value: {"a": Data(Unknown())}, id="another, further down"),
        ],
    )
    def test_default_without_end(self, engine: str, default: Callable[[Any], Any]) -> None:
        with pytest.raises(ValueError, match=NO_END):
            ENGINES[engine](Unknown(), default, "null")


@pytest.mark.parametrize(
    ("engine", "levels"), [("msgspec", 800), ("orjson", 254), ("ujson", 800)], ids=["msgspec", "orjson", "ujson"]
)
def test_what_has_an_end_is_written(engine: str, levels: int) -> None:
    assert ENGINES[engine](nested(levels), None, "null") == b"[" * levels + b"0" + b"]" * levels


def test_beside_what_the_engine_refuses_there_is_one_limit_too() -> None:
    def fits(levels: int) -> bool:
        try:
            encoded = json.encode_json(nested(levels, innermost="\ud800"))
        except ValueError:
            return False
        return encoded == b"[" * levels + b'"\\ud800"' + b"]" * levels

    outcomes = [fits(levels) for levels in range(850, sys.getrecursionlimit())]
    assert outcomes == sorted(outcomes, reverse=True)
    assert (outcomes[0], outcomes[-1]) == (True, False)


def test_section_9_python_may_allow_more_than_ujson() -> None:
    limit = sys.getrecursionlimit()
    sys.setrecursionlimit(10_000)
    try:
        with pytest.raises(ValueError, match=r"deeper than ujson allows"):
            ujson.encode_json(nested(1_100), None, "null")
        assert json.encode_json([nested(1_100), "\ud800"]).startswith(b"[[[[")
    finally:
        sys.setrecursionlimit(limit)


@pytest.mark.parametrize("engine", ["json", "orjson", "ujson"])
def test_the_interpreter_survives_100_000_levels(engine: str) -> None:
    program = f"""
from rejoinder._encode.{engine} import encode_json
for wrap in (lambda inner: [inner], lambda inner: {{"a": inner}}, lambda inner: (inner,)):
    content = "\\ud800" if "{engine}" != "orjson" else ""
    for _ in range(100_000):
        content = wrap(content)
    for nan in ("null", "error"):
        try:
            encode_json(content, None, nan)
        except ValueError as error:
            print(str(error)[:27])
    while content and not isinstance(content, str):  # from the outside in: Python's own deallocation is not on trial
        content = content["a"] if isinstance(content, dict) else content[0]
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False, timeout=50)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == "the content cannot be JSON:\n" * 6


@pytest.mark.parametrize(
    "wrap",
    [
        pytest.param(lambda inner: [inner], id="in a list"),
        pytest.param(lambda inner: {(): 1, "a": inner}, id="beside a key that msgspec refuses"),
        pytest.param(Data, id="in a dataclass"),
        pytest.param(lambda inner: {inner}, id="in what only the hook knows"),
    ],
)
def test_tuples_that_python_allows_and_orjson_would_not_survive(wrap: Callable[[object], object]) -> None:
    """From Python 3.12 on, its own limit lies beyond the depth at which orjson 3.13 aborts."""
    with pytest.raises(ValueError, match=NO_END):
        orjson.encode_json(wrap(nested(5_000, lambda inner: (inner,))), None, "null")


def test_tuples_of_some_depth_pass_though_there_are_many() -> None:
    content = [nested(200, lambda inner: (inner,)) for _ in range(50)]
    assert orjson.encode_json(content, None, "null") == json.encode_json(content)
