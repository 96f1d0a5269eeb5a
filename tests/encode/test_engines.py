"""What each of the three JSON classes does with odd values: the table of docs/json.md, and its proof."""

import json
import math
import sys
from collections import namedtuple
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta  # noqa: F401 - named in the table
from decimal import Decimal
from enum import Enum
from pathlib import Path, PurePosixPath  # noqa: F401
from typing import Any
from uuid import UUID

import attrs
import msgspec
import numpy as np
import pydantic
import pytest

import rejoinder._encode
from rejoinder import JSONResponse, ORJSONResponse, UJSONResponse
from rejoinder._encode import orjson, ujson

CLASSES: list[type[JSONResponse]] = [JSONResponse, ORJSONResponse, UJSONResponse]
ENGINES = {"orjson": ORJSONResponse, "ujson": UJSONResponse}
DOCS = Path(__file__).parents[2] / "docs" / "json.md"


@dataclass
class Data:
    x: object = 1


class Struct(msgspec.Struct):
    x: object = 1


@attrs.define
class Attrs:
    x: object = 1


class Model(pydantic.BaseModel):
    snake_case: float = pydantic.Field(serialization_alias="camelCase")


class Colour(Enum):
    RED = "red"


class Whole(int):
    pass


class Unknown:
    pass


Point = namedtuple("Point", ["x", "y"])
inf, nan = math.inf, math.nan

TABLE = [
    # value                          JSONResponse                        ORJSONResponse                     UJSONResponse
    ("nan",                          "null",                             "null",                            "null"),
    ("[inf, -inf]",                  "[null,null]",                      "[null,null]",                     "[null,null]"),
    ("-0.0",                         "-0.0",                             "-0.0",                            "-0.0"),
    ("2**64 - 1",                    "18446744073709551615",             "18446744073709551615",            "18446744073709551615"),
    ("2**70",                        "1180591620717411303424",           "TypeError",                       "1180591620717411303424"),
    ("10**4300",                     "ValueError",                       "TypeError",                       "ValueError"),
    ("'</a>'",                       '"</a>"',                           '"</a>"',                          r'"<\/a>"'),
    ("'é'",                          '"é"',                              '"é"',                             '"é"'),
    (r"'\x00\x7f'",                  '"\\u0000\x7f"',                    '"\\u0000\x7f"',                   '"\\u0000\x7f"'),
    (r"'\ud800'",                    r'"\ud800"',                        "TypeError",                       r'"\ud800"'),
    ("b'ab'",                        '"YWI="',                           '"YWI="',                          '"YWI="'),
    ("Point(1, 2)  # a namedtuple",  "[1,2]",                            "[1,2]",                           "[1,2]"),
    ("{1}",                          "[1]",                              "[1]",                             "[1]"),
    ("Colour.RED  # an Enum",        '"red"',                            '"red"',                           '"red"'),
    ("Decimal('1.10')",              '"1.10"',                           '"1.10"',                          "1.1"),
    ("Decimal('NaN')",               '"NaN"',                            '"NaN"',                           '"NaN"'),
    ("datetime(2024, 1, 2, tzinfo=UTC)", '"2024-01-02T00:00:00Z"',       '"2024-01-02T00:00:00+00:00"',     '"2024-01-02T00:00:00Z"'),
    ("timedelta(seconds=1.5)",       '"PT1.5S"',                         '"PT1.5S"',                        '"PT1.5S"'),
    ("UUID(int=1)",                  '"00000000-0000-0000-0000-000000000001"', '"00000000-0000-0000-0000-000000000001"', '"00000000-0000-0000-0000-000000000001"'),
    ("PurePosixPath('/a')",          '"/a"',                             '"/a"',                            r'"\/a"'),
    ("Data(nan)  # a dataclass",     '{"x":null}',                       '{"x":null}',                      '{"x":null}'),
    ("Struct(nan)  # of msgspec",    '{"x":null}',                       '{"x":null}',                      '{"x":null}'),
    ("Attrs(nan)  # of attrs",       '{"x":null}',                       '{"x":null}',                      '{"x":null}'),
    ("Model(snake_case=nan)  # of pydantic", '{"camelCase":null}',       '{"camelCase":null}',              '{"camelCase":null}'),
    ("np.array([1, nan])",           "[1.0,null]",                       "[1.0,null]",                      "[1.0,null]"),
    ("np.datetime64('2024-01-02')",  '"2024-01-02"',                     '"2024-01-02T00:00:00"',           '"2024-01-02"'),
    ("Unknown()",                    "TypeError",                        "TypeError",                       "TypeError"),
    ("{None: 0, True: 1}",           '{"null":0,"true":1}',              '{"null":0,"true":1}',             '{"null":0,"true":1}'),
    ("{0.5: 0, nan: 1}",             '{"0.5":0,"nan":1}',                '{"0.5":0,"null":1}',              '{"0.5":0,"nan":1}'),
    ("{2**70: 0}",                   '{"1180591620717411303424":0}',     "TypeError",                       '{"1180591620717411303424":0}'),
    ("{Whole(1): 0}  # a subclass of int", '{"1":0}',                    '{"1":0}',                         '{"1":0}'),
    ("{Colour.RED: 0}",              '{"red":0}',                        '{"red":0}',                       '{"Colour.RED":0}'),
    ("{date(2024, 1, 2): 0}",        '{"2024-01-02":0}',                 '{"2024-01-02":0}',                '{"2024-01-02":0}'),
    ("{Decimal('1.10'): 0}",         '{"1.10":0}',                       "TypeError",                       '{"1.10":0}'),
    ("{np.int64(1): 0}",             '{"1":0}',                          "TypeError",                       '{"1":0}'),
    ("{b'ab': 0}",                   '{"YWI=":0}',                       "TypeError",                       '{"ab":0}'),
    ("{(1, 2): 0}",                  "TypeError",                        "TypeError",                       '{"(1, 2)":0}'),
    ("[[[...]]]  # 300 levels",      "[[[…]]]",                          "ValueError",                      "[[[…]]]"),
    ("[[[...]]]  # in itself",       "ValueError",                       "ValueError",                      "ValueError"),
]  # fmt: skip


def nested(levels: int) -> list[Any]:
    return [nested(levels - 1)] if levels else []


def circular() -> list[Any]:
    content: list[Any] = []
    content.append(content)
    return content


def outcome(response_class: type[JSONResponse], expression: str) -> str:
    """What the class makes of the value, as the table says it."""
    special = {"[[[...]]]  # 300 levels": nested(299), "[[[...]]]  # in itself": circular()}
    try:
        body = response_class(special[expression] if expression in special else eval(expression)).body.decode()
    except (TypeError, ValueError) as error:
        return "ValueError" if isinstance(error, ValueError) else "TypeError"
    return body.replace("[" * 300 + "]" * 300, "[[[…]]]")


def as_markdown() -> str:
    """The table for docs/json.md; `python tests/encode/test_engines.py` prints it."""

    def cells(*texts: str) -> str:
        return f"| {' | '.join(texts)} |"

    def code(text: str) -> str:
        text, _, remark = text.replace("\x7f", "␡").partition("  # ")
        return f"`{text}`" + (f", {remark}" if remark else "")

    rows = [cells(*map(code, row)) for row in TABLE]
    return "\n".join([cells("value", *(f"`{cls.__name__}`" for cls in CLASSES)), "|---" * 4 + "|", *rows]) + "\n"


@pytest.mark.parametrize("row", TABLE, ids=lambda row: row[0])
def test_each_engine_does_what_the_table_says(row: tuple[str, ...]) -> None:
    expression, *expected = row
    assert [outcome(response_class, expression) for response_class in CLASSES] == expected


def test_the_table_of_the_docs_is_this_one() -> None:
    assert as_markdown() in DOCS.read_text("utf-8")


@pytest.mark.parametrize("response_class", CLASSES)
class TestEveryEngine:
    @pytest.mark.parametrize(
        "content",
        [nan, -inf, [nan], {"a": inf}, {nan: 1}, Data(nan), Struct(nan), Attrs([nan]), Model(snake_case=nan), np.float32("nan"),
         np.array([nan]), {1, nan}, Point(1, nan), ["null", None, nan]],
        ids=lambda value: f"{type(value).__name__} {value}",
    )  # fmt: skip
    def test_nan_is_an_error_on_request(self, response_class: type[JSONResponse], content: object) -> None:
        with pytest.raises(ValueError, match="is not JSON; pass nan='null' to send null for it"):
            response_class(content, nan="error")
        json.loads(response_class(content).body, parse_constant=pytest.fail)

    def test_nan_is_looked_for_in_what_default_made_of_a_generator(self, response_class: type[JSONResponse]) -> None:
        with pytest.raises(ValueError, match="is not JSON"):
            response_class((n for n in [nan]), nan="error", default=list)

    def test_null_is_no_nan(self, response_class: type[JSONResponse]) -> None:
        assert response_class([None, "nan"], nan="error").body == b'[null,"nan"]'

    def test_another_policy_is_refused(self, response_class: type[JSONResponse]) -> None:
        with pytest.raises(ValueError, match=r"^nan must be 'null' or 'error', got 'none'$"):
            response_class(1, nan="none")  # type: ignore[arg-type]

    def test_default_is_asked_about_unknown_types_only(self, response_class: type[JSONResponse]) -> None:
        asked: list[object] = []

        def default(value: object) -> object:
            asked.append(value)
            return {"a": {None: Decimal(1)}}

        known = [
            None,
            Data(),
            Struct(),
            Attrs(),
            Model(snake_case=1),
            {UUID(int=1)},
            Colour.RED,
            date(2024, 1, 2),
            np.array([1]),
        ]
        unknown = Unknown()
        body = response_class([unknown, *known, timedelta(1), Path("a"), b"a"], default=default).body
        assert asked == [unknown]
        assert json.loads(body)[0] == {"a": {"null": "1"}}

    def test_a_generator_is_read_once(self, response_class: type[JSONResponse]) -> None:
        assert json.loads(response_class([(n for n in "ab"), nan], default=list).body) == [["a", "b"], None]

    @pytest.mark.parametrize("error", [KeyError, TypeError, ValueError, RuntimeError])
    def test_an_exception_of_default_surfaces(self, response_class: type[JSONResponse], error: type[Exception]) -> None:
        def default(value: object) -> object:
            raise error("mine")

        with pytest.raises(error, match="mine") as caught:
            response_class([Unknown()], default=default)
        assert type(caught.value) is error

    def test_an_unknown_type_is_refused_with_a_way_out(self, response_class: type[JSONResponse]) -> None:
        with pytest.raises(TypeError, match=r"Unknown is not JSON serializable; pass default=, a function"):
            response_class([Unknown()])


@pytest.mark.parametrize("engine", ENGINES)
def test_a_missing_engine_is_told_with_the_pip_command(engine: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, engine, None)
    monkeypatch.delitem(sys.modules, f"rejoinder._encode.{engine}")
    monkeypatch.delattr(rejoinder._encode, engine)
    with pytest.raises(ImportError, match=rf'^\w+ needs {engine}: pip install "rejoinder\[{engine}\]"$'):
        ENGINES[engine]({})


def test_both_engines_are_here_to_be_tested() -> None:
    assert orjson.encode_json([1], None, "null") == ujson.encode_json([1], None, "null") == b"[1]"


if __name__ == "__main__":
    sys.stdout.write(as_markdown())
