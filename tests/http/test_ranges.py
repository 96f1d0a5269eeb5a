"""Range and Content-Range: RFC 9110, 14."""

from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rejoinder._http.ranges import NoSlices, Slice, format_content_range, parse_range

IGNORED, EMPTY, INVERTED, UNSATISFIABLE = NoSlices

# Of a representation of 10 bytes.
CASES = {
    # 14.1.2, one range
    "first and last": (b"bytes=2-4", [(2, 5)]),
    "one byte": (b"bytes=0-0", [(0, 1)]),
    "last byte": (b"bytes=9-9", [(9, 10)]),
    "all": (b"bytes=0-9", [(0, 10)]),
    "open end": (b"bytes=3-", [(3, 10)]),
    "open end from the start": (b"bytes=0-", [(0, 10)]),
    "last past the end": (b"bytes=3-10", [(3, 10)]),
    "last far past the end": (b"bytes=3-99999999999999999999999999", [(3, 10)]),
    "suffix": (b"bytes=-3", [(7, 10)]),
    "suffix of one": (b"bytes=-1", [(9, 10)]),
    "suffix of all": (b"bytes=-10", [(0, 10)]),
    "suffix longer than all": (b"bytes=-11", [(0, 10)]),
    "suffix much longer than all": (b"bytes=-99999999999999999999999999", [(0, 10)]),
    "leading zeros": (b"bytes=0002-0000000000000000000000000000004", [(2, 5)]),
    # 14.1.1, unsatisfiable
    "suffix of nothing": (b"bytes=-0", UNSATISFIABLE),
    "suffix of nothing, long": (b"bytes=-000", UNSATISFIABLE),
    "first at the end": (b"bytes=10-", UNSATISFIABLE),
    "first and last past the end": (b"bytes=10-20", UNSATISFIABLE),
    "first far past the end": (b"bytes=99999999999999999999999999-", UNSATISFIABLE),
    "none of several": (b"bytes=10-20, -0", UNSATISFIABLE),
    # 14.1.1, invalid
    "inverted": (b"bytes=4-2", INVERTED),
    "inverted by one": (b"bytes=5-4", INVERTED),
    "inverted, past the end": (b"bytes=100-20", INVERTED),
    "inverted beside a good one": (b"bytes=0-1, 4-2", INVERTED),
    "no range": (b"bytes=", EMPTY),
    "blank": (b"bytes=  ", EMPTY),
    "commas": (b"bytes=, ,,", EMPTY),
    "only a dash": (b"bytes=-", EMPTY),
    "only words": (b"bytes=abc-def", EMPTY),
    "number without a dash": (b"bytes=100", EMPTY),
    # 14.1.1, other-range: known to the grammar, unknown to the unit
    "number without a dash beside a range": (b"bytes=100, 0-5", [(0, 6)]),
    "dash beside a range": (b"bytes= - , 0-5", [(0, 6)]),
    "words beside a range": (b"bytes=abc-def, 0-5", [(0, 6)]),
    "words beside an unsatisfiable range": (b"bytes=abc-def, 10-", UNSATISFIABLE),
    # Malformed
    "no equals sign": (b"bytes", IGNORED),
    "empty": (b"", IGNORED),
    "only an equals sign": (b"=", IGNORED),
    "no unit": (b"=0-1", IGNORED),
    "colon": (b"bytes: 0-1", IGNORED),
    "blank in a range": (b"bytes=0 - 1", IGNORED),
    "non-ASCII digits": ("bytes=٠-٤".encode(), IGNORED),
    "non-ASCII beside a range": ("bytes=0-1, ٠-٤".encode(), IGNORED),
    "control character": (b"bytes=0-1\x00", IGNORED),
    "line feed": (b"bytes=0-1\n", IGNORED),
    # int() would take these
    "underscores": (b"bytes=1_0-2_0", EMPTY),
    "plus": (b"bytes=+1-2", EMPTY),
    "negative": (b"bytes=--1", EMPTY),
    "two dashes": (b"bytes=1-2-3", EMPTY),
    # 14.1, 14.2, units
    "unknown unit": (b"items=0-1", IGNORED),
    "unit with more to it": (b"bytesx=0-1", IGNORED),
    "capital unit": (b"Bytes=0-1", [(0, 2)]),
    "shouted unit": (b"BYTES=0-1", [(0, 2)]),
    # 5.6.1.2, lists
    "blanks and tabs": (b"bytes= 0-1 \t,\t4-5\t", [(0, 2), (4, 6)]),
    "empty elements": (b"bytes=,0-1,, ,4-5,", [(0, 2), (4, 6)]),
    "repeated field": (b"bytes=0-1, bytes=4-5", [(0, 2)]),
    # 14.1.1, 15.3.7.2, several
    "in order": (b"bytes=0-1,4-5", [(0, 2), (4, 6)]),
    "in the order of the request": (b"bytes=8-9,0-1,4-5", [(8, 10), (0, 2), (4, 6)]),
    "one is unsatisfiable": (b"bytes=0-1,50-60", [(0, 2)]),
    "unsatisfiable first": (b"bytes=50-,-0,4-5,8-", [(4, 6), (8, 10)]),
    "overlapping": (b"bytes=0-4,2-6", [(0, 7)]),
    "overlapping, backwards": (b"bytes=2-6,0-4", [(0, 7)]),
    "adjoining": (b"bytes=0-1,2-3", [(0, 4)]),
    "adjoining, backwards": (b"bytes=2-3,0-1", [(0, 4)]),
    "a gap of one": (b"bytes=0-1,3-4", [(0, 2), (3, 5)]),
    "the same": (b"bytes=1-2,1-2,1-2", [(1, 3)]),
    "within another": (b"bytes=0-8,2-3", [(0, 9)]),
    "joined by a third": (b"bytes=0-1,4-5,2-3", [(0, 6)]),
    "joined where the first was": (b"bytes=8-8,0-1,4-5,1-2", [(8, 9), (0, 3), (4, 6)]),
    # 14.2, what costs too much
    "twice the size": (b"bytes=0-,0-", [(0, 10)]),
    "more than twice the size": (b"bytes=0-,0-,0-0", IGNORED),
    "as many as allowed": (b"bytes=0-0,2-2,4-4,6-6", [(0, 1), (2, 3), (4, 5), (6, 7)]),
    "more than allowed": (b"bytes=0-0,2-2,4-4,6-6,8-8", IGNORED),
    "more than allowed, unsatisfiable": (b"bytes=50-,50-,50-,50-,50-", IGNORED),
    "a hundred empty elements": (b"bytes=" + b"," * 100 + b"0-1", [(0, 2)]),
    "thousands of empty elements": (b"bytes=" + b"," * 5000 + b"0-1", IGNORED),
}


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_parse(case: Any) -> None:
    """Of ten bytes, with at most four ranges allowed."""
    value, expected = case
    result = parse_range(value, 10, max_ranges=4)
    assert result == (expected if isinstance(expected, NoSlices) else tuple(Slice(*each) for each in expected))


EMPTY_FILE = {
    b"bytes=0-": UNSATISFIABLE,
    b"bytes=0-0": UNSATISFIABLE,
    b"bytes=-0": UNSATISFIABLE,
    b"bytes=-1": IGNORED,
    b"bytes=0-,-1": IGNORED,
    b"bytes=-1,0-": IGNORED,
    b"bytes=": EMPTY,
    b"bytes=2-1": INVERTED,
}


@pytest.mark.parametrize("value", EMPTY_FILE)
def test_empty_representation(value: bytes) -> None:
    """A suffix of nothing is satisfied by nothing, which only the whole can say; the rest is out of range."""
    assert parse_range(value, 0, max_ranges=4) is EMPTY_FILE[value]


def test_slice_has_the_length_of_its_bytes() -> None:
    """Half-open, as in Python."""
    part = Slice(2, 5)
    assert len(part) == len(b"0123456789"[part.start : part.stop])


@pytest.mark.parametrize(
    ("part", "expected"),
    [(Slice(0, 1), b"bytes 0-0/10"), (Slice(3, 10), b"bytes 3-9/10"), (None, b"bytes */10")],
)
def test_content_range(part: Slice | None, expected: bytes) -> None:
    """Both ends included on the wire (14.4)."""
    assert format_content_range(part, 10) == expected


HOSTILE = {
    "digits": b"bytes=" + b"9" * 65536 + b"-",
    "zeros": b"bytes=" + b"0" * 65536 + b"-5",
    "suffix digits": b"bytes=-" + b"9" * 65536,
    "digits on both sides": b"bytes=" + b"9" * 32768 + b"-" + b"8" * 32768,
    "digits without a dash": b"bytes=" + b"9" * 65536,
    "digits, then no digit": b"bytes=" + b"9" * 65536 + b"x-",
    "dashes": b"bytes=" + b"-" * 65536,
    "blanks": b"bytes=" + b" " * 65536,
    "commas": b"bytes=" + b"," * 65536,
    "small ranges": b"bytes=" + b"0-0," * 16384,
    "hundred ranges of many digits": b"bytes=" + b",".join([b"9" * 650 + b"-"] * 100),
    "hundred ranges": b"bytes=" + b",".join(b"%d-%d" % (i * 2, i * 2) for i in range(100)),
    "equals signs": b"=" * 65536,
    "unit": b"b" * 65536 + b"=0-1",
}


@pytest.mark.parametrize("value", HOSTILE.values(), ids=HOSTILE)
def test_hostile(value: bytes) -> None:
    """64 KiB of what could be slow: an answer, and no int() of thousands of digits, which raises."""
    parse_range(value, 1000, max_ranges=100)


ascii_soup = st.text("0123456789-, =x\t", max_size=40).map(lambda text: b"bytes=" + text.encode())


@settings(deadline=None, derandomize=True)
@given(st.binary() | ascii_soup, st.integers(0, 50), st.integers(0, 10))
def test_parse_is_total_and_sound(value: bytes, size: int, max_ranges: int) -> None:
    """Whatever the client sends: no exception, and slices that are disjoint, apart, and not empty."""
    result = parse_range(value, size, max_ranges)
    if not isinstance(result, NoSlices):
        assert 0 < len(result) <= max_ranges
        ordered = sorted(result, key=lambda part: part.start)
        assert all(0 <= part.start < part.stop <= size for part in ordered)
        assert all(a.stop < b.start for a, b in pairwise(ordered))
