"""RFC 8259, section 6: "Numeric values that cannot be represented [...] (such as Infinity and NaN) are not permitted" in JSON."""

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import attrs
import msgspec
import numpy as np
import pydantic
import pytest

from rejoinder._encode.json import encode_json

Parsed = Callable[[bytes], Any]
NAN, INF = math.nan, math.inf


class Real(float):
    pass


@dataclass
class Data:
    x: object
    many: list[object] = field(default_factory=list)


class Struct(msgspec.Struct):
    x: object


@attrs.define
class Attrs:
    x: object


class Model(pydantic.BaseModel):
    x: Any


class Aliased(pydantic.BaseModel):
    a_b: float = pydantic.Field(serialization_alias="aB")


class WithConstants(pydantic.BaseModel):
    model_config = pydantic.ConfigDict(ser_json_inf_nan="constants")
    x: float
    text: str = "NaN"


class WithStrings(pydantic.BaseModel):
    model_config = pydantic.ConfigDict(ser_json_inf_nan="strings")
    x: float


TABLE = {
    "nan": (NAN, b"null"),
    "inf": (INF, b"null"),
    "-inf": (-INF, b"null"),
    "float subclass": (Real("nan"), b"null"),
    "in a list": ([1, NAN], b"[1,null]"),
    "in a tuple": ((INF,), b"[null]"),
    "in a dict": ({"a": NAN}, b'{"a":null}'),
    "in a set": ({INF}, b"[null]"),
    "in a dataclass": (Data(NAN), b'{"x":null,"many":[]}'),
    "in a msgspec object": (Struct(NAN), b'{"x":null}'),
    "in an attrs object": (Attrs(-INF), b'{"x":null}'),
    "in pydantic": (Aliased(a_b=NAN), b'{"aB":null}'),
    "in pydantic that writes constants": (WithConstants(x=NAN), b'{"x":null,"text":"NaN"}'),
    "inf in pydantic that writes constants": (WithConstants(x=INF, text=""), b'{"x":null,"text":""}'),
    "in pydantic that writes strings": (WithStrings(x=NAN), b'{"x":"NaN"}'),
    "inf in pydantic that writes strings": (WithStrings(x=-INF), b'{"x":"-Infinity"}'),
    "in pydantic in pydantic": (Model(x=WithConstants(x=-INF)), b'{"x":{"x":null,"text":"NaN"}}'),
    "numpy float": (np.float64("nan"), b"null"),
    "numpy float32": (np.float32("inf"), b"null"),
    "numpy array": (np.array([1.5, NAN]), b"[1.5,null]"),
    "beside what the engine refuses": (["\ud800", INF], b'["\\ud800",null]'),
    "as a key": ({NAN: 1}, b'{"nan":1}'),
    "inf as a key": ({-INF: 1}, b'{"-inf":1}'),
    "as a key beside what the engine refuses": ({NAN: "\ud800"}, b'{"nan":"\\ud800"}'),
}


@pytest.mark.parametrize(("value", "written"), TABLE.values(), ids=TABLE)
def test_it_is_null_or_an_error(value: object, written: bytes, parsed: Parsed) -> None:
    assert encode_json(value) == encode_json(value, nan="null") == written
    parsed(written)
    with pytest.raises(ValueError, match=r"^-?(nan|inf) is not JSON; pass nan='null' to send null for it$"):
        encode_json(value, nan="error")
    with pytest.raises(ValueError, match="is not JSON"):
        encode_json([value], default=str, nan="error")


@pytest.mark.parametrize(
    "value",
    [
        None,
        {"null": None},
        [None, 1.5],
        Data(None),
        Aliased(a_b=1),
        "nan",
        "NaN inf Infinity null",
        {"inf": 1},
        {None: 1},
    ],
    ids=repr,
)
def test_what_only_looks_like_it_is_no_error(value: object) -> None:
    assert encode_json(value, nan="error") == encode_json(value)


@pytest.mark.parametrize("nan", ["nul", "", None, True])
def test_another_policy_is_refused(nan: Any) -> None:
    with pytest.raises(ValueError, match=f"^nan must be 'null' or 'error', got {nan!r}$"):
        encode_json(1, nan=nan)
