"""Server-Timing: what is told, and that no name or description becomes another metric or another header."""

import copy
import re
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rejoinder import ServerTiming
from rejoinder._http.fields import encode_field
from rejoinder._http.timing import format_timings

ROWS: list[tuple[Any, bytes]] = [
    (ServerTiming("db"), b"db"),
    (ServerTiming("db", 53.2), b"db;dur=53.2"),
    (ServerTiming("db", 0), b"db;dur=0"),
    (ServerTiming("db", 100), b"db;dur=100"),
    (ServerTiming("Db", 1 / 3), b"Db;dur=0.333"),
    (ServerTiming("db", timedelta(milliseconds=1.5)), b"db;dur=1.5"),
    (ServerTiming("db", desc="a;b, c"), b'db;desc="a;b, c"'),
    (ServerTiming("db", 1, 'say "\\"'), rb'db;dur=1;desc="say \"\\\""'),
    (ServerTiming("db", desc="grüße"), 'db;desc="grüße"'.encode("latin-1")),
    ([ServerTiming("a"), ServerTiming("b", 2)], b"a, b;dur=2"),
    ({"a": 1.5, "b": timedelta(seconds=1)}, b"a;dur=1.5, b;dur=1000"),
    ([], b""),
]


@pytest.mark.parametrize(("timings", "value"), ROWS, ids=[str(row[1]) for row in ROWS])
def test_format(timings: Any, value: bytes) -> None:
    assert format_timings(timings) == (b"server-timing", value)


@pytest.mark.parametrize(
    ("make", "text"),
    [
        pytest.param(lambda: ServerTiming("a b"), "not a token", id="space in a name"),
        pytest.param(lambda: ServerTiming("a;dur=1"), "not a token", id="parameter in a name"),
        pytest.param(lambda: ServerTiming(""), "not a token", id="no name"),
        pytest.param(lambda: ServerTiming("a", -1), "milliseconds", id="negative"),
        pytest.param(lambda: ServerTiming("a", float("nan")), "milliseconds", id="NaN"),
        pytest.param(lambda: ServerTiming("a", float("inf")), "milliseconds", id="infinite"),
        pytest.param(lambda: ServerTiming("a", True), "milliseconds", id="bool"),
        pytest.param(lambda: ServerTiming("a", "1"), "milliseconds", id="text"),  # type: ignore[arg-type]
        pytest.param(lambda: ServerTiming("a", desc="a\r\nb: c"), "control character", id="another header"),
        pytest.param(lambda: ServerTiming("a", desc="€"), "latin-1", id="beyond latin-1"),
        pytest.param(lambda: format_timings("a;dur=1"), "ServerTiming", id="plain text"),  # type: ignore[arg-type]
        pytest.param(lambda: format_timings(["a"]), "ServerTiming", id="plain texts"),  # type: ignore[list-item]
        pytest.param(lambda: format_timings(3), "ServerTiming", id="a number"),  # type: ignore[arg-type]
    ],
)
def test_refuses(make: Any, text: str) -> None:
    with pytest.raises(ValueError, match=text):
        make()


def test_a_metric_is_copied_as_a_text() -> None:
    assert copy.deepcopy(ServerTiming("db", 5)) == "db;dur=5"


@given(st.text(), st.text())
def test_a_reader_finds_one_metric_with_what_was_said(name: str, desc: str) -> None:
    try:
        value = ServerTiming(name, desc=desc)
    except ValueError:
        return
    found = re.fullmatch(r"([!#$%&'*+\-.^_`|~0-9A-Za-z]+);desc=\"((?:[^\"\\]|\\.)*)\"", value, re.DOTALL)
    assert found
    assert (found[1], re.sub(r"\\(.)", r"\1", found[2], flags=re.DOTALL)) == (name, desc)
    assert encode_field("server-timing", value)[1].decode("latin-1") == value
