"""RFC 9110, section 5: field names and values."""

import re
from collections import UserDict
from http import HTTPStatus
from typing import Any

import h11
import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.datastructures import Headers, MutableHeaders

from rejoinder._http.fields import Field, checked, encode_field, encode_headers

TCHARS = b"!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
CONTROLS = [bytes([octet]) for octet in (*range(0x20), 0x7F)]
NO_TCHARS = [bytes([octet]) for octet in range(256) if octet not in TCHARS]
# What is wrong at one end of a value is white space and taken off; in the middle it is not.
BAD_IN_VALUE = [control for control in CONTROLS if control != b"\t"]


def name_of(octet: bytes) -> str:
    return f"0x{octet[0]:02X}"


def parsed_by_h11(field: Field) -> list[tuple[bytes, bytes]]:
    client = h11.Connection(h11.CLIENT)
    client.send(h11.Request(method="GET", target="/", headers=[("host", "a")]))
    client.send(h11.EndOfMessage())
    client.receive_data(b"HTTP/1.1 200 OK\r\n%b: %b\r\ncontent-length: 0\r\n\r\n" % field)
    response = client.next_event()
    assert isinstance(response, h11.Response)
    assert isinstance(client.next_event(), h11.EndOfMessage)
    return list(response.headers)


class TestShapes:
    @pytest.mark.parametrize(
        "headers",
        [
            pytest.param({"X-A": "1", "x-b": "2"}, id="dict"),
            pytest.param(UserDict({"X-A": "1", "x-b": "2"}), id="another mapping"),
            pytest.param([("X-A", "1"), ("x-b", "2")], id="list of pairs"),
            pytest.param([["X-A", "1"], ["x-b", "2"]], id="pairs that are lists"),
            pytest.param(iter([("X-A", "1"), ("x-b", "2")]), id="iterator"),
            pytest.param([(b"X-A", b"1"), (b"x-b", b"2")], id="bytes"),
            pytest.param(Headers({"X-A": "1", "x-b": "2"}), id="Starlette Headers"),
            pytest.param(MutableHeaders({"X-A": "1", "x-b": "2"}), id="Starlette MutableHeaders"),
        ],
    )
    def test_every_shape_gives_the_same_section(self, headers: Any) -> None:
        assert encode_headers(headers) == [(b"x-a", b"1"), (b"x-b", b"2")]

    @pytest.mark.parametrize(
        "headers",
        [
            pytest.param([("Link", "1"), ("link", "2"), ("LINK", "1")], id="pairs"),
            pytest.param(Headers(raw=[(b"link", b"1"), (b"link", b"2"), (b"link", b"1")]), id="Starlette Headers"),
        ],
    )
    def test_repeats_stay_in_their_order(self, headers: Any) -> None:
        assert encode_headers(headers) == [(b"link", b"1"), (b"link", b"2"), (b"link", b"1")]

    @pytest.mark.parametrize(
        "headers",
        [
            pytest.param("ab", id="text"),
            pytest.param(b"ab", id="bytes"),
            pytest.param(["ab"], id="text of two letters for a pair"),
            pytest.param([b"ab"], id="two bytes for a pair"),
            pytest.param([("a", "b", "c")], id="three for a pair"),
            pytest.param([("a",)], id="one for a pair"),
            pytest.param([{"a", "b"}], id="set for a pair, which has no order"),
            pytest.param([{"a": 1, "b": 2}], id="mapping for a pair"),
            pytest.param([None], id="None for a pair"),
        ],
    )
    def test_anything_else_is_refused(self, headers: Any) -> None:
        with pytest.raises(ValueError, match=r"must be a mapping, or pairs of a name and a value; got .+ among them"):
            encode_headers(headers)


class TestNamesSection5_1:
    @pytest.mark.parametrize("name", [TCHARS, TCHARS.decode()], ids=["bytes", "str"])
    def test_every_tchar_passes_in_lower_case(self, name: str | bytes) -> None:
        assert encode_field(name, "") == (TCHARS.lower(), b"")

    @pytest.mark.parametrize("octet", NO_TCHARS, ids=name_of)
    @pytest.mark.parametrize("template", [b"%b", b"x%by", b"x%b"], ids=["alone", "in the middle", "at the end"])
    def test_nothing_else_does(self, octet: bytes, template: bytes) -> None:
        name = template % octet
        for given_name in (name, name.decode("latin-1")):
            with pytest.raises(ValueError, match=re.escape(f"{given_name!r} is not a token")):
                encode_field(given_name, "v")

    @pytest.mark.parametrize("name", ["", b"", "naïve", "x-€", "x-\ud800"])
    def test_nor_nothing_nor_what_is_not_ascii(self, name: str | bytes) -> None:
        with pytest.raises(ValueError, match=r"is not a token \(RFC 9110, 5.6.2\)"):
            encode_field(name, "v")

    @pytest.mark.parametrize("name", [None, 1, ("a",), bytearray(b"a")], ids=repr)
    def test_other_types_are_refused(self, name: object) -> None:
        with pytest.raises(ValueError, match="a header name must be str or bytes, got"):
            encode_field(name, "v")


class TestValuesSection5_5:
    @pytest.mark.parametrize(
        ("value", "sent"),
        [
            pytest.param("a b", b"a b", id="str"),
            pytest.param(b"a b", b"a b", id="bytes"),
            pytest.param(0, b"0", id="zero"),
            pytest.param(-12, b"-12", id="negative integer"),
            pytest.param(2**70, b"1180591620717411303424", id="big integer"),
            pytest.param(HTTPStatus.OK, b"200", id="IntEnum"),
            pytest.param("", b"", id="empty"),
            pytest.param("!", b"!", id="one character"),
            pytest.param(" \t ", b"", id="nothing but white space"),
            pytest.param(" \ta\t ", b"a", id="white space around"),
            pytest.param(b"\t a b ", b"a b", id="white space around bytes"),
            pytest.param("a\tb", b"a\tb", id="HTAB between"),
            pytest.param("café", b"caf\xe9", id="latin-1"),
            pytest.param("\x80\xa0\xff", b"\x80\xa0\xff", id="all of obs-text, C1 controls too"),
            pytest.param("café".encode(), b"caf\xc3\xa9", id="UTF-8 as bytes"),
        ],
    )
    def test_what_is_sent(self, value: object, sent: bytes) -> None:
        assert encode_field("x", value) == (b"x", sent)
        assert parsed_by_h11((b"x", sent))[0] == (b"x", sent)

    @pytest.mark.parametrize("control", BAD_IN_VALUE, ids=name_of)
    @pytest.mark.parametrize(
        "template", [b"%b", b"%bb", b"a%bb", b"a%b", b"a %b"], ids=["alone", "first", "between", "last", "after space"]
    )
    def test_every_control_is_refused(self, control: bytes, template: bytes) -> None:
        value = template % control
        for given_value in (value, value.decode("latin-1")):
            with pytest.raises(ValueError, match=r"^header 'x-a': the value .+ has a control character$"):
                encode_field("X-A", given_value)

    @pytest.mark.parametrize("value", ["a€", "日本", "\ud800"], ids=ascii)
    def test_text_beyond_latin_1_is_refused_with_a_way_out(self, value: str) -> None:
        character = re.escape(repr(next(c for c in value if ord(c) > 255)))
        message = rf"^header 'x-a': {character} is outside latin-1.+ urllib\.parse\.quote\(\), or pass bytes"
        with pytest.raises(ValueError, match=message):
            encode_field("X-A", value)

    @pytest.mark.parametrize("value", [None, True, False, 1.5, ["a"], ("a",), bytearray(b"a"), ...], ids=repr)
    def test_other_types_are_refused(self, value: object) -> None:
        kind = type(value).__name__
        with pytest.raises(ValueError, match=f"^header 'x-a': the value must be str, int or bytes, got {kind}$"):
            encode_field("X-A", value)


class TestChecked:
    def test_good_fields_come_back_in_a_new_list(self) -> None:
        fields = [(b"x-a", b"1"), (b"x-a", b""), (b"x-b", b"a \tb\xff")]
        assert checked(fields) == fields
        assert checked(fields) is not fields

    @pytest.mark.parametrize(
        ("field", "sent"),
        [
            pytest.param((b"X-A", b"1"), (b"x-a", b"1"), id="name in lower case"),
            pytest.param((b"x-a", b" 1\t"), (b"x-a", b"1"), id="white space taken off"),
            pytest.param(("x-a", "1"), (b"x-a", b"1"), id="text encoded"),
            pytest.param((b"x-a", 1), (b"x-a", b"1"), id="integer"),
        ],
    )
    def test_a_repairable_field_is_repaired(self, field: Any, sent: Field) -> None:
        assert checked([field]) == [sent]

    @pytest.mark.parametrize(
        "field",
        [
            pytest.param((b"x-a\r\nb", b"1"), id="CR LF in the name"),
            pytest.param((b"x-a ", b"1"), id="space after the name"),
            pytest.param((b"x-a", b"1\r\nset-cookie: a=b"), id="CR LF in the value"),
            pytest.param((b"x-a", b"1\n"), id="LF at the end"),
            pytest.param((b"x-a", b"\x00"), id="NUL"),
            pytest.param((b"x-a", None), id="None"),
            pytest.param((b"x-a", b"1", b"2"), id="three for a pair"),
            pytest.param((b"x-a",), id="one for a pair"),
        ],
    )
    def test_any_other_is_refused(self, field: Any) -> None:
        with pytest.raises(ValueError):
            checked([(b"x-good", b"1"), field])


ODD = st.sampled_from(
    ["\r\n", "\r", "\n", "\0", "\x7f", "\x85", "\u2028", " ", "\t", ":", "\r\nset-cookie: a=b", "é", "€"]
)
TEXT = st.lists(st.one_of(st.text(max_size=4), ODD), max_size=5).map("".join)


@given(
    name=TEXT | st.sampled_from(["X-A", "content-type"]), value=TEXT | TEXT.map(lambda t: t.encode("utf-8", "ignore"))
)
def test_whatever_passes_is_one_field_to_its_reader(name: str, value: str | bytes) -> None:
    try:
        field = encode_field(name, value)
    except ValueError:
        return
    assert re.fullmatch(rb"[^\x00-\x20\x7f-\xff:]+", field[0])
    assert not re.search(rb"[\x00-\x08\x0a-\x1f\x7f]", field[1])
    assert checked([field]) == [field]
    if field[0] not in {b"content-length", b"transfer-encoding"}:
        assert parsed_by_h11(field) == [field, (b"content-length", b"0")]
