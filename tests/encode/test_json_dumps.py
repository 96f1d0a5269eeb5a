"""All that `json.dumps` takes is taken, and reads the same."""

import json
import re
from collections import OrderedDict, namedtuple
from collections.abc import Callable
from enum import IntEnum, StrEnum
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from rejoinder._encode.json import encode_json

Parsed = Callable[[bytes], Any]


class Text(str):
    __slots__ = ()


class Whole(int):
    pass


class Real(float):
    pass


class Level(IntEnum):
    LOW = 1


class Mood(StrEnum):
    GOOD = "good"


Point = namedtuple("Point", ["x", "y"])

SCALARS = (
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(), max_size=5) | st.sampled_from(["\ud800", "\udfff", 2**64, -(2**63) - 1, Level.LOW, Mood.GOOD])
    | st.builds(Whole, st.integers()) | st.builds(Text, st.text(max_size=3)) | st.builds(Real, st.floats(-1e9, 1e9))
)  # fmt: skip
VALUES = st.recursive(
    SCALARS,
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.lists(inner, max_size=4).map(tuple)
        | st.builds(Point, inner, inner)
        | st.dictionaries(SCALARS, inner, max_size=4)
        | st.dictionaries(SCALARS, inner, max_size=4).map(OrderedDict)
    ),
    max_leaves=12,
)


def with_numbers_as_numbers(value: object) -> object:
    """For comparison: the names "1e+16" and "1e-05" of `json.dumps` are "1e16" and "0.00001" of msgspec."""
    if isinstance(value, dict):
        return [(number_in(name), with_numbers_as_numbers(item)) for name, item in value.items()]
    return [with_numbers_as_numbers(item) for item in value] if isinstance(value, list) else value


def number_in(name: str) -> float | str:
    return float(name) if re.fullmatch(r"-?[0-9]+(\.[0-9]+)?(e[+-]?[0-9]+)?", name) else name


@given(value=VALUES)
def test_all_that_json_dumps_takes_is_taken_and_reads_the_same(value: Any, parsed: Parsed) -> None:
    expected = with_numbers_as_numbers(json.loads(json.dumps(value, allow_nan=False)))
    for arguments in ((), (repr,), (None, "error")):
        assert with_numbers_as_numbers(parsed(encode_json(value, *arguments))) == expected
