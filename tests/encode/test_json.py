"""RFC 8259: what JSONResponse's encoder makes of values."""

import json
from collections import OrderedDict, defaultdict, namedtuple
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from enum import Enum, IntEnum, StrEnum
from pathlib import PurePosixPath
from typing import Any, ClassVar
from uuid import UUID

import attrs
import msgspec
import numpy as np
import pydantic
import pytest

from rejoinder._encode.json import encode, encode_json

Parsed = Callable[[bytes], Any]
UUID_1 = UUID(int=1)
NAIVE = datetime(2024, 1, 2, 3, 4, 5, 6)  # noqa: DTZ001


class Text(str):
    __slots__ = ()


class Whole(int):
    pass


class Real(float):
    pass


class Colour(Enum):
    RED = "red"


class Level(IntEnum):
    LOW = 1


class Mood(StrEnum):
    GOOD = "good"


class Half(float, Enum):
    IT = 0.5


class Flag(Enum):
    ON = True


Point = namedtuple("Point", ["x", "y"])


@dataclass
class Data:
    x: object
    many: list[object] = field(default_factory=list)


class Struct(msgspec.Struct):
    x: object


class Renamed(msgspec.Struct, rename="camel"):
    a_b: object


@attrs.define
class Attrs:
    x: object


class Model(pydantic.BaseModel):
    x: Any


class Aliased(pydantic.BaseModel):
    a_b: float = pydantic.Field(serialization_alias="aB")


class Unknown:
    pass


class TestTypes:
    TABLE: ClassVar = {
        "None": (None, "null"),
        "bool": (True, "true"),
        "int": (-3, "-3"),
        "int beyond 64 bits": (2**70, "1180591620717411303424"),
        "int below 64 bits": (-(2**70), "-1180591620717411303424"),
        "int of 4300 digits": (10**4299, "1" + "0" * 4299),
        "int subclass": (Whole(3), "3"),
        "float": (0.5, "0.5"),
        "float subclass": (Real(0.5), "0.5"),
        "str": ("é€\u2028</", '"é€\u2028</"'),
        "str with controls": ('"\\\n\0\x7f', '"\\"\\\\\\n\\u0000\x7f"'),
        "str with a lone surrogate": ("a\ud800é", '"a\\ud800é"'),
        "str subclass": (Text("a"), '"a"'),
        "list": ([1, "a"], '[1,"a"]'),
        "list subclass": (type("L", (list,), {})([1]), "[1]"),
        "tuple": ((1, (2,)), "[1,[2]]"),
        "tuple subclass": (type("T", (tuple,), {})([1]), "[1]"),
        "namedtuple": (Point(1, 2), "[1,2]"),
        "dict": ({"b": 1, "a": 2}, '{"b":1,"a":2}'),
        "dict subclass": (type("D", (dict,), {})(a=1), '{"a":1}'),
        "OrderedDict": (OrderedDict(b=1, a=2), '{"b":1,"a":2}'),
        "defaultdict": (defaultdict(int, a=1), '{"a":1}'),
        "dataclass": (Data(1, [None]), '{"x":1,"many":[null]}'),
        "msgspec": (Struct(1), '{"x":1}'),
        "msgspec renamed": (Renamed(1), '{"aB":1}'),
        "attrs": (Attrs(1), '{"x":1}'),
        "pydantic": (Model(x=1), '{"x":1}'),
        "pydantic alias": (Aliased(a_b=1), '{"aB":1.0}'),
        "pydantic with datetime": (Model(x=datetime(2024, 1, 2, tzinfo=UTC)), '{"x":"2024-01-02T00:00:00Z"}'),
        "Enum": (Colour.RED, '"red"'),
        "IntEnum": (Level.LOW, "1"),
        "StrEnum": (Mood.GOOD, '"good"'),
        "float Enum": (Half.IT, "0.5"),
        "Enum of a bool": (Flag.ON, "true"),
        "datetime": (NAIVE, '"2024-01-02T03:04:05.000006"'),
        "datetime, aware": (datetime(2024, 1, 2, tzinfo=UTC), '"2024-01-02T00:00:00Z"'),
        "date": (date(2024, 1, 2), '"2024-01-02"'),
        "time": (time(3, 4), '"03:04:00"'),
        "timedelta": (timedelta(days=1, seconds=1.5), '"P1DT1.5S"'),
        "UUID": (UUID_1, '"00000000-0000-0000-0000-000000000001"'),
        "Decimal": (Decimal("1.10"), '"1.10"'),
        "set": ({1}, "[1]"),
        "frozenset": (frozenset([1]), "[1]"),
        "bytes": (b"ab", '"YWI="'),
        "Path": (PurePosixPath("/a/b"), '"/a/b"'),
        "numpy array": (np.array([[1, 2], [3, 4]]), "[[1,2],[3,4]]"),
        "numpy int": (np.int64(3), "3"),
        "numpy float": (np.float64(0.5), "0.5"),
        "numpy float32": (np.float32(0.5), "0.5"),
        "numpy bool": (np.bool_(True), "true"),
        "numpy str": (np.str_("a"), '"a"'),
        "numpy datetime": (np.datetime64("2024-01-02"), '"2024-01-02"'),
        "numpy array of objects": (np.array([None, Colour.RED]), '[null,"red"]'),
    }  # fmt: skip
    WRAPPERS: ClassVar[dict[str, tuple[Callable[[Any], object], str]]] = {
        "alone": (lambda value: value, "{}"),
        "in a list": (lambda value: [value], "[{}]"),
        "in a dict": (lambda value: {"a": value}, '{{"a":{}}}'),
        "in a dataclass": (lambda value: Data(0, [value]), '{{"x":0,"many":[{}]}}'),
        "in a msgspec object": (Struct, '{{"x":{}}}'),
        "in an attrs object": (Attrs, '{{"x":{}}}'),
        "beside what the engine refuses": (lambda value: ["\ud800", value], '["\\ud800",{}]'),
        "in a dataclass beside what the engine refuses": (lambda value: [Data("\ud800", [value])], '[{{"x":"\\ud800","many":[{}]}}]'),
    }  # fmt: skip

    @pytest.mark.parametrize("wrapper", WRAPPERS)
    @pytest.mark.parametrize("name", TABLE)
    def test_each_is_written_the_same_everywhere(self, name: str, wrapper: str, parsed: Parsed) -> None:
        value, written = self.TABLE[name]
        wrap, around = self.WRAPPERS[wrapper]
        encoded = encode_json(wrap(value))
        assert encoded == around.format(written).encode()
        assert encode_json(wrap(value), nan="error") == encoded
        parsed(encoded)

    @pytest.mark.parametrize(
        "value", [Unknown(), Unknown, 1j, range(3), iter([1]), ..., Model, print], ids=lambda v: type(v).__name__
    )
    def test_others_are_refused_with_a_way_out(self, value: object) -> None:
        for content in (value, [value], {"a": value}, Data(value), ["\ud800", value]):
            with pytest.raises(TypeError, match=r"is not JSON serializable; pass default=, a function that"):
                encode_json(content)


class TestKeys:
    TABLE: ClassVar = {
        "None": (None, "null"),
        "True": (True, "true"),
        "False": (False, "false"),
        "int": (-1, "-1"),
        "int beyond 64 bits": (2**70, "1180591620717411303424"),
        "int subclass": (Whole(3), "3"),
        "float": (0.5, "0.5"),
        "float of a whole number": (1.0, "1.0"),
        "float subclass": (Real(0.5), "0.5"),
        "str": ("a", "a"),
        "str subclass": (Text("a"), "a"),
        "lone surrogate": ("\ud800", "\\ud800"),
        "Enum": (Colour.RED, "red"),
        "IntEnum": (Level.LOW, "1"),
        "StrEnum": (Mood.GOOD, "good"),
        "Enum of a bool": (Flag.ON, "true"),
        "UUID": (UUID_1, str(UUID_1)),
        "date": (date(2024, 1, 2), "2024-01-02"),
        "datetime": (datetime(2024, 1, 2, tzinfo=UTC), "2024-01-02T00:00:00Z"),
        "Decimal": (Decimal("1.10"), "1.10"),
        "Path": (PurePosixPath("/a"), "/a"),
        "numpy int": (np.int64(1), "1"),
    }

    @pytest.mark.parametrize(("key", "name"), TABLE.values(), ids=TABLE)
    @pytest.mark.parametrize("value", ["", "\ud800"], ids=["", "beside what the engine refuses"])
    @pytest.mark.parametrize("default", [None, str], ids=["", "default is not asked"])
    def test_name(self, key: object, name: str, value: str, default: Callable[[object], str] | None) -> None:
        written = json.dumps(value)
        assert encode_json({key: value}, default).decode() == f'{{"{name}":{written}}}'
        assert encode_json(Data({key: value}), default).decode() == f'{{"x":{{"{name}":{written}}},"many":[]}}'

    @pytest.mark.parametrize("key", [(1, 2), Unknown(), frozenset([1]), range(3)], ids=lambda key: type(key).__name__)
    @pytest.mark.parametrize("value", ["", "\ud800"], ids=["", "beside what the engine refuses"])
    def test_others_are_a_type_error(self, key: object, value: str) -> None:
        with pytest.raises(TypeError):
            encode_json({key: value})

    @pytest.mark.parametrize("beside", ["", "\ud800"], ids=["", "beside what the engine refuses"])
    def test_unless_default_turns_them_into_text(self, beside: str, parsed: Parsed) -> None:
        encoded = encode_json({(1, 2): beside, Unknown(): 0}, lambda key: type(key).__name__)
        assert parsed(encoded) == {"tuple": beside, "Unknown": 0}


class TestDefault:
    def test_it_is_asked_about_unknown_types_and_about_each_object_once(self, parsed: Parsed) -> None:
        asked: list[object] = []

        def default(value: object) -> object:
            asked.append(value)
            return {"was": type(value).__name__, "at": date(2024, 1, 2)}

        unknown, complex_number = Unknown(), 1j
        known = [value for value, _ in TestTypes.TABLE.values()]
        content = [known, unknown, {"a": unknown}, Data(complex_number), {None: "\ud800"}]
        encoded = parsed(encode_json(content, default))
        assert asked == [unknown, complex_number]
        assert isinstance(encoded, list)
        assert encoded[1] == encoded[2]["a"] == {"was": "Unknown", "at": "2024-01-02"}

    @pytest.mark.parametrize(
        ("beside", "nan"),
        [
            pytest.param(None, "null", id="engine"),
            pytest.param("\ud800", "null", id="engine refuses"),
            pytest.param(None, "error", id="null under suspicion"),
        ],
    )
    def test_what_a_generator_yields_is_not_lost(self, beside: object, nan: Any, parsed: Parsed) -> None:
        encoded = encode_json([(n for n in range(3)), beside], list, nan)
        assert parsed(encoded) == [[0, 1, 2], beside]

    @pytest.mark.parametrize("error", [KeyError, TypeError, ValueError, RuntimeError, RecursionError])
    @pytest.mark.parametrize("content", [Unknown(), ["\ud800", Unknown()]], ids=["", "beside what the engine refuses"])
    def test_its_exceptions_surface(self, content: object, error: type[Exception]) -> None:
        def default(value: object) -> object:
            raise error("mine")

        with pytest.raises(ValueError if error is RecursionError else error):
            encode_json(content, default)


@pytest.mark.parametrize(
    "content", [10**4300, {10**4300: 1}, {Whole(10**4300): "\ud800"}], ids=["value", "key", "odd key"]
)
def test_more_digits_than_python_agrees_to_write(content: object) -> None:
    with pytest.raises(ValueError, match="Exceeds the limit"):
        encode_json(content)


def test_the_engine_as_it_is_refuses_what_it_cannot() -> None:
    assert encode({"a": [1, None]}) == b'{"a":[1,null]}'
    with pytest.raises((TypeError, ValueError)):
        encode("\ud800")
