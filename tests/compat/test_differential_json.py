"""JSON: FastAPI's classes and ours send the same, but for what is listed; test_differential_bytes.py explains the rows."""

import dataclasses
import datetime as dt
import decimal
import enum
import math
import pathlib
import uuid
from collections import OrderedDict, deque, namedtuple
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

pytest.importorskip("orjson")
pytest.importorskip("ujson")
pytestmark = pytest.mark.filterwarnings("ignore:.*JSONResponse is deprecated")


class Colour(enum.Enum):
    RED = "red"


class Day(enum.IntEnum):
    MONDAY = 3


class Word(str, enum.Enum):  # noqa: UP042 - StrEnum is another
    YES = "yes"


class Text(str):
    __slots__ = ()


class Number(int):
    def __repr__(self) -> str:
        return "no number"


class Float(float):
    pass


class Items(list):  # type: ignore[type-arg]
    pass


@dataclasses.dataclass
class Point:
    x: int = 1


Pair = namedtuple("Pair", "left right")


class Renamed(dict[str, int]):
    def items(self) -> Any:
        return [("b", 2)]


DEEP: list[Any] = []
for _ in range(100_000):
    DEEP = [DEEP]
ENDLESS: list[Any] = []
ENDLESS.append(ENDLESS)


def json(content: object) -> Callable[[Any], Any]:
    return lambda m: m.JSONResponse(content)


def orjson(content: object) -> Callable[[Any], Any]:
    return lambda m: m.ORJSONResponse(content)


def ujson(content: object) -> Callable[[Any], Any]:
    return lambda m: m.UJSONResponse(content)


EVERYDAY = {
    "id": 1, "ratio": 0.1, "one": 1.0, "minus": -0.0, "name": "grüße \u2028 😀", "none": None, "yes": True, "no": False,
    "list": [1, [2, []], (3, ())], "object": {"a": {}}, "text": '\x00\x01\b\f\n\r\t\x1f\x7f"\\/',
}  # fmt: skip

ROWS: list[tuple[Any, ...]] = [
    ("everyday", json(EVERYDAY)),
    ("everyday in orjson", orjson(EVERYDAY)),
    ("everyday in ujson", ujson(EVERYDAY)),
    ("null", json(None)),
    ("text", json("x")),
    ("list", json([1, 2])),
    ("positional", lambda m: m.JSONResponse({}, 201, {"x-a": "1"}, "application/problem+json", None)),
    ("media type of a subclass", lambda m: type("Custom", (m.JSONResponse,), {"media_type": "text/json"})([])),
    ("content is required", lambda m: m.JSONResponse()),
    ("keys", json({None: 1, True: 2, False: 3, 2: 4, 1.5: 5, Day.MONDAY: 6, Word.YES: 7, Text("t"): 8, Number(9): 9})),
    ("keys in orjson", orjson({None: 1, True: 2, 2: 4, 1.5: 5, Day.MONDAY: 6, Word.YES: 7, uuid.UUID(int=1): 8})),
    ("keys in ujson", ujson({None: 1, True: 2, 2: 4, 1.5: 5, Text("t"): 8})),
    ("keys that meet", json({1: 1, "1": 2})),
    ("keys that cannot be", json({(1, 2): 3})),
    ("subclasses", json([Text("a"), Number(3), Float(1.5), Items([1]), OrderedDict(b=1, a=2), Pair(1, 2)])),
    ("enums", json([Day.MONDAY, Word.YES])),
    ("2 ** 70", json(2**70)),
    ("2 ** 70 in orjson", orjson(2**70)),
    ("2 ** 70 in ujson", ujson(2**70)),
    ("5,000 digits", json(10**5000)),
    ("1e16", json(1e16), "json-floats"),
    ("1e-7", json(1e-7), "json-floats"),
    ("0.00001", json(0.00001), "json-floats"),
    ("1e16 in orjson", orjson(1e16)),
    ("1e16 in ujson", ujson(1e16)),
    ("NaN", json([math.nan]), "json-nan"),
    ("infinity", json({"a": -math.inf}), "json-nan"),
    ("NaN as key", json({math.nan: 1}), "json-nan"),
    ("NaN in orjson", orjson([math.nan])),
    ("NaN in ujson", ujson([math.nan]), "json-nan"),
    ("surrogate", json("\ud800"), "json-surrogates"),
    ("surrogate in orjson", orjson("\ud800")),
    ("surrogate in ujson", ujson("\ud800"), "json-surrogates"),
    ("Enum", json(Colour.RED), "json-types"),
    ("Enum in orjson", orjson(Colour.RED)),
    ("Enum in ujson", ujson(Colour.RED), "json-types"),
    ("dataclass", json(Point()), "json-types"),
    ("dataclass in orjson", orjson(Point())),
    ("datetime", json(dt.datetime(2030, 1, 2, tzinfo=dt.UTC)), "json-types"),
    ("datetime in orjson", orjson(dt.datetime(2030, 1, 2, tzinfo=dt.UTC))),
    ("timedelta", json(dt.timedelta(seconds=90)), "json-types"),
    ("Decimal", json(decimal.Decimal("1.10")), "json-types"),
    ("Decimal in ujson", ujson(decimal.Decimal("1.10"))),
    ("UUID", json(uuid.UUID(int=1)), "json-types"),
    ("UUID in orjson", orjson(uuid.UUID(int=1))),
    ("set", json({1}), "json-types"),
    ("path", json(pathlib.PurePosixPath("/a")), "json-types"),
    ("path in orjson", orjson(pathlib.PurePosixPath("/a")), "json-types"),
    ("path in ujson", ujson(pathlib.PurePosixPath("/a")), "json-types"),
    ("bytes", json(b"ab"), "json-types"),
    ("bytes in orjson", orjson(b"ab"), "json-types"),
    ("set in orjson", orjson({1}), "json-types"),
    ("Decimal in orjson", orjson(decimal.Decimal("1.10")), "json-types"),
    ("timedelta in ujson", ujson(dt.timedelta(seconds=90)), "json-types"),
    ("array", json(np.arange(2)), "json-types"),
    ("array in orjson", orjson(np.arange(2))),
    ("array in ujson", ujson(np.arange(2)), "json-types"),
    ("float subclass in orjson", orjson(Float(1.5)), "json-types"),
    ("object", json(object())),
    ("object in orjson", orjson(object())),
    ("object in ujson", ujson(object())),
    ("deque", json(deque([1]))),
    ("generator", json(item for item in "ab")),
    ("dict that tells other items", json(Renamed({"a": 1})), "json-subclasses"),
    ("dict that tells other items in orjson", orjson(Renamed({"a": 1}))),
    ("deep", json(DEEP), "json-depth"),
    ("deep in orjson", orjson(DEEP), "json-depth"),
    ("deep in ujson", ujson(DEEP), "json-depth"),
    ("contains itself", json(ENDLESS)),
    ("contains itself in orjson", orjson(ENDLESS), "json-depth"),
    ("contains itself in ujson", ujson(ENDLESS), "json-depth"),
]


def test_the_messages_are_the_same_or_the_divergence_is_listed(
    row: tuple[Any, ...], compare: Callable[[tuple[Any, ...]], None]
) -> None:
    compare(row)
