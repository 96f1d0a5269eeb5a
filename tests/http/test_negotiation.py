"""RFC 9110, section 12: which coding, and what Vary says."""

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rejoinder._http.negotiation import (
    add_vary,
    parse_accept_encoding,
    rank_codings,
    wants_page,
)

OFFERED = (b"br", b"zstd", b"gzip")


@pytest.mark.parametrize(
    ("value", "weights"),
    [
        pytest.param(b"gzip", {b"gzip": 1.0}, id="12.5.3 one"),
        pytest.param(b"gzip, br ,\tzstd", {b"gzip": 1.0, b"br": 1.0, b"zstd": 1.0}, id="12.5.3 a list"),
        pytest.param(b"gzip;q=0.5,br;q=0.001", {b"gzip": 0.5, b"br": 0.001}, id="12.4.2 weights"),
        pytest.param(b"gzip ;\tQ=0.5", {b"gzip": 0.5}, id="12.4.2 spaces, and q in capitals"),
        pytest.param(b"a;q=0,b;q=0.,c;q=1.000,d;q=1.", {b"a": 0, b"b": 0, b"c": 1, b"d": 1}, id="12.4.2 forms"),
        pytest.param(b"*, identity;q=0", {b"*": 1.0, b"identity": 0.0}, id="12.5.3 any, and none"),
        pytest.param(b"GZip", {b"gzip": 1.0}, id="8.4.1 in any case"),
        pytest.param(b"x-gzip;q=0.5, X-Compress", {b"gzip": 0.5, b"compress": 1.0}, id="8.4.1.3 old names"),
        pytest.param(b"gzip;q=0.5, gzip, x-gzip;q=0.7", {b"gzip": 0.5}, id="the smallest of several"),
        pytest.param(b",, ,gzip,", {b"gzip": 1.0}, id="5.6.1 empty elements"),
        pytest.param(b"gzip;q=2, br;q=1.001, zstd;q=0.0001, a;q=.5, b;q=-1", {}, id="12.4.2 no weight: no element"),
        pytest.param(b"gzip;q=x, br;a=1, zstd;q=1;b=2, a b, \xff", {}, id="malformed"),
        pytest.param(b"gzip;q=\xb2", {}, id="a figure that is no ASCII"),
        pytest.param(b'"gzip, br"', {}, id="quotes"),
    ],
)
def test_parse(value: bytes, weights: dict[bytes, float]) -> None:
    assert parse_accept_encoding(value) == weights


@pytest.mark.parametrize(
    ("value", "ranked"),
    [
        pytest.param(None, [], id="12.5.3 no field: anything would do, and the plain one does"),
        pytest.param(b"", [], id="12.5.3 an empty field: no coding"),
        pytest.param(b"gzip, deflate, br, zstd", OFFERED, id="equals in the server's order"),
        pytest.param(b"gzip", [b"gzip"], id="12.5.3 only what is listed"),
        pytest.param(b"deflate", [], id="12.5.3 nothing of it is offered"),
        pytest.param(b"gzip;q=0.9, br;q=0.1, zstd;q=0.5", [b"gzip", b"zstd", b"br"], id="12.4.2 by weight"),
        pytest.param(b"gzip;q=0, br", [b"br"], id="12.4.2 q=0 is not acceptable"),
        pytest.param(b"*", OFFERED, id="12.5.3 any"),
        pytest.param(b"*, br;q=0", [b"zstd", b"gzip"], id="12.5.3 any that is not listed"),
        pytest.param(b"*;q=0.5, gzip", [b"gzip", b"br", b"zstd"], id="12.5.3 any, but rather"),
        pytest.param(b"*;q=0", [], id="12.5.3 nothing"),
        pytest.param(b"*;q=0, gzip", [b"gzip"], id="12.5.3 nothing else"),
        pytest.param(b"identity", [], id="12.5.3 identity alone"),
        pytest.param(b"identity, gzip;q=0.5", [], id="12.5.3 identity rather"),
        pytest.param(b"identity;q=0.5, gzip, br;q=0.2", [b"gzip"], id="12.5.3 identity in between"),
        pytest.param(b"identity, gzip", [b"gzip"], id="identity is the last of equals"),
        pytest.param(b"identity;q=0", [], id="12.5.3 not identity, and nothing named"),
        pytest.param(b"identity;q=0, gzip;q=0.001", [b"gzip"], id="12.5.3 not identity"),
        pytest.param(b"*;q=0.8, gzip;q=0.2", [b"br", b"zstd"], id="12.5.3 identity is one of any"),
        pytest.param(b"x-gzip", [b"gzip"], id="8.4.1.3 old name"),
        pytest.param(b"nonsense;;, gzip;q=no", [], id="malformed"),
    ],
)
def test_rank(value: bytes | None, ranked: Sequence[bytes]) -> None:
    assert rank_codings(value, OFFERED) == tuple(ranked)


ELEMENT = st.sampled_from(
    [b"gzip", b"br", b"*", b"identity", b";q=", b"0.5", b"0", b"1", b",", b" ", b"\t", b";", b"\xff"]
)


@given(st.binary() | st.lists(ELEMENT).map(b"".join))
def test_whatever_a_client_sends_is_an_answer(value: bytes) -> None:
    assert set(rank_codings(value, OFFERED)) <= set(OFFERED)
    assert all(0 <= weight <= 1 for weight in parse_accept_encoding(value).values())
    wants_page([(b"accept", value)])


@pytest.mark.parametrize("value", [b"gzip;" * 13_000, b" " * 65_000 + b"!", b"a,b" * 20_000, b"text/html;q=0" * 5_000])
def test_long_fields_are_read_in_linear_time(value: bytes) -> None:
    """Would not end, if it were not."""
    assert rank_codings(value, OFFERED) == ()
    assert wants_page([(b"accept", value)]) is value.startswith(b"text/html;q=0text")


@pytest.mark.parametrize(
    ("fields", "wanted"),
    [
        pytest.param({b"sec-fetch-mode": b"navigate"}, True, id="a navigation"),
        pytest.param({b"sec-fetch-mode": b"navigate", b"accept": b"image/png"}, True, id="of any kind"),
        pytest.param({b"sec-fetch-mode": b"cors", b"accept": b"text/html"}, False, id="fetch()"),
        pytest.param({b"sec-fetch-mode": b"no-cors", b"accept": b"*/*"}, False, id="a script"),
        pytest.param({}, False, id="nothing said"),
        pytest.param({b"accept": b"text/html,application/xhtml+xml,*/*;q=0.8"}, True, id="a browser over HTTP"),
        pytest.param({b"accept": b"a/b, Text/HTML ;q=0.5"}, True, id="in any case, somewhere"),
        pytest.param({b"accept": b"*/*"}, False, id="curl"),
        pytest.param({b"accept": b"text/*"}, False, id="any text"),
        pytest.param({b"accept": b"text/html;q=0"}, False, id="refused"),
        pytest.param({b"accept": b"text/html;q=0.000, */*"}, False, id="refused in full"),
        pytest.param({b"accept": b"text/html;q=0.001"}, True, id="hardly wanted"),
        pytest.param({b"accept": b"text/html-sandboxed, xtext/html"}, False, id="other names"),
    ],
)
def test_wants_page(fields: dict[bytes, bytes], wanted: bool) -> None:
    assert wants_page(fields.items()) is wanted


@pytest.mark.parametrize(
    ("vary", "expected"),
    [
        pytest.param([], [b"accept-encoding"], id="none"),
        pytest.param([b"Origin"], [b"Origin, accept-encoding"], id="another"),
        pytest.param([b"Origin", b"Cookie"], [b"Origin, Cookie, accept-encoding"], id="several lines"),
        pytest.param([b"Accept-Encoding"], [b"Accept-Encoding"], id="named already, in any case"),
        pytest.param([b"a", b"b ,\taccept-encoding"], [b"a", b"b ,\taccept-encoding"], id="somewhere"),
        pytest.param([b"*"], [b"*"], id="12.5.5 everything"),
        pytest.param([b"x-accept-encoding"], [b"x-accept-encoding, accept-encoding"], id="a longer name"),
        pytest.param([b""], [b"accept-encoding"], id="empty"),
    ],
)
def test_add_vary(vary: list[bytes], expected: list[bytes]) -> None:
    fields = [(b"a", b"1"), *((b"vary", value) for value in vary), (b"b", b"2")]
    told = add_vary(fields, b"accept-encoding")
    assert [value for name, value in told if name == b"vary"] == expected
    assert [field for field in told if field[0] != b"vary"] == [(b"a", b"1"), (b"b", b"2")]
