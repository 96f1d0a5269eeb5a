"""Entity tags: RFC 9110, 8.8.3."""

from typing import Any, Literal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rejoinder._http.etags import (
    AnyETag,
    ETag,
    check_etag,
    file_etag,
    format_etag,
    parse_etag,
    parse_etags,
    strong_eq,
    weak_eq,
)

A, B, WEAK_A = ETag(b"a"), ETag(b"b"), ETag(b"a", weak=True)


def listed(value: bytes) -> Literal[AnyETag.ANY] | tuple[ETag, ...]:
    """All the tags that `parse_etags` finds."""
    tags = parse_etags(value)
    return tags if tags is AnyETag.ANY else tuple(tags)


# The table of 8.8.3.2.
COMPARISONS = {
    'W/"1" W/"1"': (b'W/"1"', b'W/"1"', False, True),
    'W/"1" W/"2"': (b'W/"1"', b'W/"2"', False, False),
    'W/"1" "1"': (b'W/"1"', b'"1"', False, True),
    '"1" "1"': (b'"1"', b'"1"', True, True),
}


@pytest.mark.parametrize("case", COMPARISONS.values(), ids=COMPARISONS)
def test_comparison(case: Any) -> None:
    """The two ways to compare, as the RFC's own table has them, and both ways round."""
    first, second, strong, weak = case
    a, b = parse_etag(first), parse_etag(second)
    assert a
    assert b
    assert (strong_eq(a, b), strong_eq(b, a)) == (strong, strong)
    assert (weak_eq(a, b), weak_eq(b, a)) == (weak, weak)


LISTS = {
    "one": (b'"a"', (A,)),
    "weak": (b'W/"a"', (WEAK_A,)),
    "several": (b'"a", W/"a" ,"b"', (A, WEAK_A, B)),
    "no spaces": (b'"a","b"', (A, B)),
    "tabs": (b'\t"a"\t,\t"b"\t', (A, B)),
    "comma in a tag": (b'"a,b", "b"', (ETag(b"a,b"), B)),
    "comma and blank look in a tag": (b'"a,b,"', (ETag(b"a,b,"),)),
    "empty tag": (b'""', (ETag(b""),)),
    "obs-text": (b'"\xe9"', (ETag(b"\xe9"),)),
    "empty elements": (b',, "a",, ,"b",', (A, B)),
    "star": (b"*", AnyETag.ANY),
    "star with spaces": (b" * ", AnyETag.ANY),
    "quoted star is a tag": (b'"*"', (ETag(b"*"),)),
    "star in a list": (b'*, "a"', (A,)),
    "empty": (b"", ()),
    "blank": (b" ", ()),
    "no quotes": (b"a", ()),
    "garbage beside a tag": (b'a, "a", b', (A,)),
    "lower-case w": (b'w/"a"', ()),
    "space after W/": (b'W/ "a"', ()),
    "space in a tag": (b'"a b", "b"', (B,)),
    "control in a tag": (b'"a\x00b", "b"', (B,)),
    "unclosed": (b'"a', ()),
    "unclosed at the end": (b'"b", "a', (B,)),
    "two without a comma": (b'"a" "b"', ()),
    "quote within": (b'"a"b"', ()),
    "line feed after": (b'"a"\n', ()),
}


@pytest.mark.parametrize("case", LISTS.values(), ids=LISTS)
def test_parse_list(case: Any) -> None:
    """If-Match and If-None-Match: quotes bind commas, and what is no entity tag is skipped."""
    value, expected = case
    assert listed(value) == expected


@pytest.mark.parametrize("value", [b"", b'"a', b"a", b'"a", "b"', b' "a"', b'w/"a"', b"*", b'"a b"'])
def test_parse_one_refuses(value: bytes) -> None:
    """A single tag is exactly one."""
    assert parse_etag(value) is None


GIVEN = {
    '"abc"': b'"abc"',
    'W/"abc"': b'W/"abc"',
    "abc": b'"abc"',
    "v1,v2": b'"v1,v2"',
    "sha-256:0+/=": b'"sha-256:0+/="',
    '""': b'""',
}


@pytest.mark.parametrize("text", GIVEN)
def test_check(text: str) -> None:
    """A caller's tag, in quotes or bare."""
    assert format_etag(check_etag(text)) == GIVEN[text]


@pytest.mark.parametrize("text", ["", "a b", 'a"b', '"a', 'a"', "W/abc", "é", "\ud800", b"abc", None, 1, '"a\r\nb"'])
def test_check_refuses(text: object) -> None:
    """Anything else is an error that says what to pass."""
    with pytest.raises(ValueError, match=r"pass for example 'abc'"):
        check_etag(text)


def test_file_etag_follows_each_fact() -> None:
    """Another time, size or inode is another strong tag; the same facts are the same tag."""
    facts = [(1, 2, 3), (9, 2, 3), (1, 9, 3), (1, 2, 9), (12, 3, 3), (-1, 2, 3)]
    tags = {file_etag(*each) for each in facts}
    assert len(tags) == len(facts)
    assert file_etag(1, 2, 3) in tags
    assert not any(tag.weak for tag in tags)
    assert all(parse_etag(format_etag(tag)) == tag for tag in tags)


@settings(deadline=None, derandomize=True)
@given(st.binary())
def test_parse_is_total(value: bytes) -> None:
    """Whatever the client sends; what is found can be written and read again."""
    tags = listed(value)
    if tags is not AnyETag.ANY:
        assert listed(b", ".join(map(format_etag, tags))) == tags


@settings(deadline=None, derandomize=True)
@given(
    st.lists(
        st.builds(
            ETag, st.binary().map(lambda raw: bytes(33 + octet % 94 for octet in raw).replace(b'"', b"")), st.booleans()
        )
    )
)
def test_round_trip(tags: list[ETag]) -> None:
    """What a list of any tags says is what is read from it."""
    assert listed(b" , ".join(map(format_etag, tags))) == tuple(tags)


@pytest.mark.parametrize("unit", [b'"', b'",', b',"', b",", b" ", b", ", b'"",', b"a", b'W/"', b'"a" ', b', "', b"*,"])
def test_hostile_list(unit: bytes) -> None:
    """64 KiB of what could make a pattern back up: an answer, well within the suite's time limit."""
    listed(unit * (65536 // len(unit)))
