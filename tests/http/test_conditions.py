"""Conditional requests: RFC 9110, 13."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rejoinder._http.conditions import Outcome, Validators, evaluate, range_applies
from rejoinder._http.dates import format_timestamp
from rejoinder._http.etags import ETag

PROCEED, NOT_MODIFIED, FAILED = Outcome
THEN = 784111777
NOW = THEN + 1000
EARLIER, SAME, LATER = (format_timestamp(THEN + difference) for difference in (-1, 0, 1))
RFC_850 = b"Sunday, 06-Nov-94 08:49:37 GMT"  # the same moment

STRONG = ETag(b"a")
BOTH = Validators(STRONG, THEN, NOW)
WEAK = Validators(ETag(b"a", weak=True), THEN, NOW)
TAG = Validators(STRONG, None, NOW)
DATE = Validators(None, THEN, NOW)
NEITHER = Validators(None, None, NOW)

IM, INM, IMS, IUS, IR = b"if-match", b"if-none-match", b"if-modified-since", b"if-unmodified-since", b"if-range"

# (fields, what there is, the answer to GET and HEAD, the answer to PUT)
CASES = {
    "no condition": ({}, BOTH, PROCEED, PROCEED),
    # 13.1.1
    "If-Match equal": ({IM: b'"a"'}, BOTH, PROCEED, PROCEED),
    "If-Match in a list": ({IM: b'"b", "a"'}, BOTH, PROCEED, PROCEED),
    "If-Match other": ({IM: b'"b"'}, BOTH, FAILED, FAILED),
    "If-Match weak": ({IM: b'W/"a"'}, BOTH, FAILED, FAILED),
    "If-Match strong, is weak": ({IM: b'"a"'}, WEAK, FAILED, FAILED),
    "If-Match any": ({IM: b"*"}, BOTH, PROCEED, PROCEED),
    "If-Match any, no tag": ({IM: b"*"}, DATE, PROCEED, PROCEED),
    "If-Match, no tag": ({IM: b'"a"'}, DATE, FAILED, FAILED),
    "If-Match garbage": ({IM: b"a"}, BOTH, FAILED, FAILED),
    "If-Match empty": ({IM: b""}, BOTH, FAILED, FAILED),
    # 13.1.2
    "If-None-Match equal": ({INM: b'"a"'}, BOTH, NOT_MODIFIED, FAILED),
    "If-None-Match in a list": ({INM: b'"b", "a"'}, BOTH, NOT_MODIFIED, FAILED),
    "If-None-Match other": ({INM: b'"b"'}, BOTH, PROCEED, PROCEED),
    "If-None-Match weak": ({INM: b'W/"a"'}, BOTH, NOT_MODIFIED, FAILED),
    "If-None-Match strong, is weak": ({INM: b'"a"'}, WEAK, NOT_MODIFIED, FAILED),
    "If-None-Match any": ({INM: b"*"}, BOTH, NOT_MODIFIED, FAILED),
    "If-None-Match any, no tag": ({INM: b"*"}, DATE, NOT_MODIFIED, FAILED),
    "If-None-Match, no tag": ({INM: b'"a"'}, DATE, PROCEED, PROCEED),
    "If-None-Match garbage": ({INM: b"a"}, BOTH, PROCEED, PROCEED),
    # 13.1.3
    "If-Modified-Since earlier": ({IMS: EARLIER}, BOTH, PROCEED, PROCEED),
    "If-Modified-Since same": ({IMS: SAME}, BOTH, NOT_MODIFIED, PROCEED),
    "If-Modified-Since same, RFC 850": ({IMS: RFC_850}, BOTH, NOT_MODIFIED, PROCEED),
    "If-Modified-Since later": ({IMS: LATER}, BOTH, NOT_MODIFIED, PROCEED),
    "If-Modified-Since garbage": ({IMS: b"now"}, BOTH, PROCEED, PROCEED),
    "If-Modified-Since twice": ({IMS: SAME + b", " + SAME}, BOTH, PROCEED, PROCEED),
    "If-Modified-Since, no date": ({IMS: SAME}, TAG, PROCEED, PROCEED),
    # 13.1.4
    "If-Unmodified-Since earlier": ({IUS: EARLIER}, BOTH, FAILED, FAILED),
    "If-Unmodified-Since same": ({IUS: SAME}, BOTH, PROCEED, PROCEED),
    "If-Unmodified-Since later": ({IUS: LATER}, BOTH, PROCEED, PROCEED),
    "If-Unmodified-Since garbage": ({IUS: b"now"}, BOTH, PROCEED, PROCEED),
    "If-Unmodified-Since, no date": ({IUS: EARLIER}, TAG, PROCEED, PROCEED),
    # 13.2.2
    "If-Match over If-Unmodified-Since": ({IM: b'"a"', IUS: EARLIER}, BOTH, PROCEED, PROCEED),
    "If-Match fails, If-Unmodified-Since would not": ({IM: b'"b"', IUS: LATER}, BOTH, FAILED, FAILED),
    "If-None-Match over If-Modified-Since": ({INM: b'"b"', IMS: LATER}, BOTH, PROCEED, PROCEED),
    "If-None-Match garbage, over If-Modified-Since": ({INM: b"", IMS: LATER}, BOTH, PROCEED, PROCEED),
    "If-None-Match equal, If-Modified-Since earlier": ({INM: b'"a"', IMS: EARLIER}, BOTH, NOT_MODIFIED, FAILED),
    "If-Match before If-None-Match": ({IM: b'"b"', INM: b'"a"'}, BOTH, FAILED, FAILED),
    "If-Match true, If-None-Match false": ({IM: b'"a"', INM: b'"a"'}, BOTH, NOT_MODIFIED, FAILED),
    "If-Unmodified-Since before If-None-Match": ({IUS: EARLIER, INM: b'"a"'}, BOTH, FAILED, FAILED),
    "If-Unmodified-Since true, If-Modified-Since false": ({IUS: SAME, IMS: SAME}, BOTH, NOT_MODIFIED, PROCEED),
    "If-Match true, If-Modified-Since false": ({IM: b'"a"', IMS: SAME}, BOTH, NOT_MODIFIED, PROCEED),
    # Nothing to compare with
    "no validator": ({IM: b'"a"', INM: b"*", IMS: SAME, IUS: EARLIER}, NEITHER, PROCEED, PROCEED),
}


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_evaluate(case: Any) -> None:
    """GET and HEAD get 304 where other methods get 412 or go on."""
    fields, current, reading, writing = case
    assert evaluate("GET", fields, current) is reading
    assert evaluate("HEAD", fields, current) is reading
    assert evaluate("PUT", fields, current) is writing
    assert evaluate("DELETE", fields, current) is writing


@pytest.mark.parametrize("method", ["OPTIONS", "TRACE", "CONNECT"])
def test_methods_without_a_representation(method: str) -> None:
    """13.2.1: the fields mean nothing with these."""
    assert evaluate(method, {IM: b'"b"', INM: b"*", IUS: EARLIER}, BOTH) is PROCEED


THIS_SECOND = Validators(None, THEN, THEN)

IF_RANGE_CASES = {
    "none": (None, BOTH, True),
    "equal tag": (b'"a"', BOTH, True),
    "other tag": (b'"b"', BOTH, False),
    "weak tag": (b'W/"a"', BOTH, False),
    "strong tag, is weak": (b'"a"', WEAK, False),
    "tag, no tag": (b'"a"', DATE, False),
    "two tags": (b'"a", "b"', BOTH, False),
    "star": (b"*", BOTH, False),
    "equal date": (SAME, BOTH, True),
    "equal date, RFC 850": (RFC_850, BOTH, True),
    "equal date, is weak tag": (SAME, WEAK, True),
    "earlier date": (EARLIER, BOTH, False),
    "later date": (LATER, BOTH, False),
    "date, no date": (SAME, TAG, False),
    "garbage": (b"a", BOTH, False),
    "garbage, no date": (b"a", TAG, False),
    "empty": (b"", BOTH, False),
    "equal date of this very second": (SAME, THIS_SECOND, False),
    "nothing to compare with": (SAME, NEITHER, False),
}


@pytest.mark.parametrize("case", IF_RANGE_CASES.values(), ids=IF_RANGE_CASES)
def test_if_range(case: Any) -> None:
    """Only what is certain to be the same octets lets a client have a part of them (13.1.5)."""
    value, current, expected = case
    assert range_applies({} if value is None else {IR: value}, current) is expected


values = st.binary() | st.sampled_from([b"*", b'"a"', b'W/"a"', b'"b"', EARLIER, SAME, LATER, b"garbage"])


@settings(deadline=None, derandomize=True)
@given(
    st.text(max_size=4) | st.sampled_from(["GET", "HEAD", "PUT"]),
    st.dictionaries(st.sampled_from([IM, INM, IMS, IUS, IR]), values),
    st.sampled_from([BOTH, WEAK, TAG, DATE, NEITHER]),
)
def test_evaluate_is_total(method: str, fields: dict[bytes, bytes], current: Validators) -> None:
    """Whatever the client sends; and only reading is ever answered with 304."""
    outcome = evaluate(method, fields, current)
    assert outcome is not NOT_MODIFIED or method in {"GET", "HEAD"}
    assert range_applies(fields, current) in {True, False}
