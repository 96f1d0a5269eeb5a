"""RFC 6265 and 6265bis: Set-Cookie, as a browser takes it and as a server reads the cookie that comes back."""

import re
import string
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import unquote

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from starlette.requests import Request
from starlette.responses import Response as StarletteResponse

from rejoinder._http.cookies import MAX_OCTETS, Cookie, format_set_cookie

DATE = datetime(2030, 1, 2, 3, 4, 5, tzinfo=UTC)
HOST_BREAKERS: list[dict[str, Any]] = [{"path": "/a"}, {"path": None}, {"domain": "a.example"}]
BARE: dict[str, Any] = {"path": None, "samesite": None}
TOKEN = string.ascii_letters + string.digits + "!#$%&'*+-.^_`|~:"
ATTRIBUTES = {
    "Domain": "domain", "expires": "expires", "HttpOnly": "httponly", "Max-Age": "max_age",
    "Partitioned": "partitioned", "Path": "path", "SameSite": "samesite", "Secure": "secure",
}  # fmt: skip


def written(name: str = "n", value: Any = "v", **attributes: Any) -> str:
    return format_set_cookie(Cookie(name=name, value=value, **attributes)).decode("ascii")


def value_of(set_cookie: str) -> str:
    return set_cookie.partition(";")[0].partition("=")[2]


def read_back(set_cookie: str) -> str:
    """A browser sends back what stands before the first semicolon; Starlette reads that."""
    cookie = set_cookie.partition(";")[0].encode("ascii")
    return Request({"type": "http", "headers": [(b"cookie", b"other=1; " + cookie)]}).cookies["n"]


def starlettes(name: str, value: str, **attributes: Any) -> bytes:
    response = StarletteResponse()
    response.set_cookie(name, value, **attributes)
    return dict(response.raw_headers)[b"set-cookie"]


@pytest.mark.parametrize(
    ("arguments", "sent"),
    [
        pytest.param({}, "n=v; Path=/; SameSite=lax", id="the defaults"),
        pytest.param(BARE, "n=v", id="bare"),
        pytest.param(BARE | {"value": ""}, 'n=""', id="no value"),
        pytest.param(BARE | {"value": 7}, "n=7", id="integer"),
        pytest.param(BARE | {"value": 'a;b, "c\\'}, r'n="a\073b\054 \"c\\"', id="as http.cookies quotes"),
        pytest.param(BARE | {"value": "é"}, r'n="\351"', id="latin-1, as http.cookies quotes"),
        pytest.param(BARE | {"value": "é€ %\t;"}, "n=%C3%A9%E2%82%AC%20%25%09%3B", id="beyond, percent-encoded"),
        pytest.param(BARE | {"value": 'a;," \\é', "quote": "percent"}, "n=a%3B%2C%22%20%5C%C3%A9", id="percent on request"),
        pytest.param(BARE | {"value": "a%20\t", "quote": "percent"}, "n=a%2520%09", id="percent in percent"),
        pytest.param(
            BARE | {"value": "a!#$&'()*+/:<=>?@[]^`{|}~-._Z9", "quote": "percent"},
            "n=a!#$&'()*+/:<=>?@[]^`{|}~-._Z9", id="what percent leaves alone",
        ),
        pytest.param(BARE | {"name": TOKEN}, f"{TOKEN}=v", id="every character of a name"),
        pytest.param(BARE | {"max_age": 0}, "n=v; Max-Age=0", id="max_age zero"),
        pytest.param(BARE | {"max_age": -1}, "n=v; Max-Age=-1", id="max_age negative"),
        pytest.param(BARE | {"max_age": True}, "n=v; Max-Age=1", id="max_age bool, as http.cookies"),
        pytest.param(BARE | {"max_age": timedelta(days=2)}, "n=v; Max-Age=172800", id="max_age timedelta"),
        pytest.param(BARE | {"max_age": timedelta(seconds=1.9)}, "n=v; Max-Age=1", id="max_age fraction"),
        pytest.param(BARE | {"max_age": timedelta(seconds=-1)}, "n=v; Max-Age=-1", id="max_age negative timedelta"),
        pytest.param(BARE | {"expires": DATE}, "n=v; expires=Wed, 02 Jan 2030 03:04:05 GMT", id="expires datetime"),
        pytest.param(BARE | {"expires": "Wed, 02 Jan"}, "n=v; expires=Wed, 02 Jan", id="expires text"),
        pytest.param(BARE | {"path": "/a b/c"}, "n=v; Path=/a b/c", id="path"),
        pytest.param(BARE | {"path": "/é%20€"}, "n=v; Path=/%C3%A9%20%E2%82%AC", id="path beyond ASCII"),
        pytest.param(BARE | {"path": ""}, "n=v", id="path empty"),
        pytest.param(BARE | {"domain": "a.example"}, "n=v; Domain=a.example", id="domain"),
        pytest.param(BARE | {"domain": ".a.example"}, "n=v; Domain=.a.example", id="domain with a dot"),
        pytest.param(BARE | {"domain": "bücher.example"}, "n=v; Domain=xn--bcher-kva.example", id="domain IDNA"),
        pytest.param(BARE | {"domain": ".Bücher.example"}, "n=v; Domain=.xn--bcher-kva.example", id="dot and IDNA"),
        pytest.param(BARE | {"domain": ""}, "n=v", id="domain empty"),
        pytest.param(BARE | {"samesite": "Strict"}, "n=v; SameSite=Strict", id="samesite as written"),
        pytest.param(BARE | {"samesite": "None", "secure": True}, "n=v; SameSite=None; Secure", id="samesite none"),
        pytest.param(BARE | {"partitioned": True, "secure": True}, "n=v; Partitioned; Secure", id="partitioned"),
        pytest.param({"name": "__HOST-n", "secure": True}, "__HOST-n=v; Path=/; SameSite=lax; Secure", id="__Host-"),
        pytest.param(
            {"name": "__Secure-n", "secure": True, "path": "/a", "domain": "b.example", "samesite": None},
            "__Secure-n=v; Domain=b.example; Path=/a; Secure", id="__Secure-",
        ),
        pytest.param(
            {"domain": "a.b", "expires": DATE, "httponly": True, "max_age": 5, "partitioned": True, "secure": True},
            "n=v; Domain=a.b; expires=Wed, 02 Jan 2030 03:04:05 GMT; HttpOnly; Max-Age=5; Partitioned; Path=/; "
            "SameSite=lax; Secure", id="all in the order of http.cookies",
        ),
    ],
)  # fmt: skip
def test_what_is_written(arguments: dict[str, Any], sent: str) -> None:
    assert written(**arguments) == sent


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        *(
            pytest.param({"name": name}, ValueError, "is not a token", id=f"name {name!a}")
            for name in ["", "a b", "a=b", "a;b", "a,b", 'a"b', "a\r\n", "a\0", "a\t", "é", "(a)", "\ud800", None, b"a", 1]
        ),
        *(
            pytest.param({"value": f"a{control}b", "quote": quote}, ValueError, "has a control", id=f"{control!r} {quote}")
            for control in ["\r", "\n", "\0", "\x1f", "\x7f", "\x08", "\x0b"] for quote in ["auto", "percent"]
        ),
        pytest.param({"value": "\ud800"}, ValueError, "half of a surrogate pair", id="value lone surrogate"),
        *(
            pytest.param({"value": value}, TypeError, r"must be str or int, got \w+; pass str\(value\)", id=f"value {value!r}")
            for value in [None, b"v", 1.5, ["v"]]
        ),
        pytest.param({"quote": "never"}, ValueError, "quote must be 'auto' or 'percent', got 'never'", id="quote"),
        *(
            pytest.param({"samesite": value}, ValueError, "samesite must be 'lax', 'strict', 'none' or None, got", id=f"samesite {value!r}")
            for value in ["sideways", "", "lax; Secure", True, 1]
        ),
        pytest.param({"samesite": "none"}, ValueError, "samesite='none' unless it has secure=True", id="SameSite=None"),
        pytest.param({"samesite": "NoNe"}, ValueError, "samesite='none' unless it has", id="SameSite=NoNe"),
        pytest.param({"partitioned": True}, ValueError, "partitioned=True unless it has secure=True", id="Partitioned"),
        *(
            pytest.param({"name": name}, ValueError, "name unless it has secure=True", id=f"{name} without Secure")
            for name in ["__Host-n", "__Secure-n", "__host-n", "__SECURE-n"]
        ),
        *(
            pytest.param({"name": name, "secure": True} | more, ValueError, "drop a __Host- cookie with", id=f"{name} {more}")
            for name in ["__Host-n", "__hOsT-n"] for more in HOST_BREAKERS
        ),
        *(
            pytest.param({attribute: f"a{bad}"}, ValueError, "^cookie 'n': .+ has a control character, ';'", id=f"{attribute} {bad!r}")
            for attribute in ["path", "domain", "expires"] for bad in ["; Secure", "\r\nx: y", "\n", "\0", "\x7f", "\t"]
        ),
        pytest.param({"expires": "né"}, ValueError, "non-ASCII", id="expires beyond ASCII"),
        pytest.param({"path": "/\ud800"}, ValueError, "surrogates not allowed", id="path lone surrogate"),
        pytest.param({"domain": "é;x"}, ValueError, "'é;x' is not a host name", id="domain IDNA with semicolon"),
        pytest.param({"domain": "é..x"}, ValueError, "is not a host name: Empty Label", id="domain IDNA empty label"),
        pytest.param({"path": b"/"}, TypeError, "path must be str or None, got bytes", id="path bytes"),
        pytest.param({"path": 5}, TypeError, "path must be str or None, got int", id="path int"),
        pytest.param({"domain": b"a"}, TypeError, "domain must be str or None, got bytes", id="domain bytes"),
        pytest.param({"max_age": 1.5}, TypeError, "max_age must be whole seconds as int, or a timedelta, got float", id="float"),
        pytest.param({"max_age": "60"}, TypeError, "max_age must be whole seconds as int", id="max_age text"),
        pytest.param({"expires": DATE.replace(tzinfo=None)}, ValueError, "'n': expires: .+ has no time zone; pass an", id="naive"),
        pytest.param({"expires": 1.5}, TypeError, "expires must be an aware datetime, a date as text, or", id="expires float"),
    ],
)  # fmt: skip
def test_what_a_browser_would_drop_or_misread_is_refused(
    arguments: dict[str, Any], error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        written(**arguments)


@pytest.mark.parametrize(
    ("value", "octets"),
    [pytest.param("v" * 4094, 4096, id="plain"), pytest.param("€" * 454 + "v" * 8, 4096, id="counted when encoded")],
)
def test_6265bis_section_5_6_4096_octets_are_the_limit(value: str, octets: int) -> None:
    assert octets == MAX_OCTETS
    assert len("nn" + value_of(written("nn", value, domain="a.example"))) == octets
    with pytest.raises(ValueError, match=f"^cookie 'nnn': name and value are {octets + 1} octets, .+ more than 4096"):
        written("nnn", value)


LATIN_1 = st.text(st.characters(max_codepoint=0xFF, exclude_categories=["Cc"]) | st.sampled_from('\t\x80 ",;\\%='))
ANY_TEXT = st.text(st.characters(exclude_categories=["Cs", "Cc"]) | st.sampled_from('\t\x80 ",;\\%=é€'))
INJECTION = st.sampled_from(["; Secure", ";", "=", "\r\n", "\0", "Domain=x", "/", "__Host-", "é", ".", ",", " ", "\t"])
HOSTILE = st.just("a") | st.lists(st.text(max_size=3) | INJECTION, max_size=3).map("".join)


@given(value=LATIN_1)
def test_a_latin_1_value_comes_back(value: str) -> None:
    assert read_back(written(value=value)) == value


@given(value=ANY_TEXT)
def test_any_value_comes_back_from_percent_encoding(value: str) -> None:
    assert unquote(value_of(written(value=value, quote="percent"))) == value
    assert unquote(read_back(written(value=value + "€"))) == value + "€"


@given(
    value=LATIN_1,
    name=st.text(TOKEN, min_size=1).filter(lambda n: n.lower() not in Cookie.__slots__ and not n.startswith("__")),
    max_age=st.none() | st.integers(),
    expires=st.none() | st.datetimes(timezones=st.just(UTC)) | st.just("Wed, 02 Jan 2030 03:04:05 GMT"),
    path=st.none() | st.text(string.ascii_letters + "/.~%-_ ").map(lambda path: f"/{path.rstrip()}"),
    domain=st.none() | st.text(string.ascii_letters + ".-"),
    secure=st.booleans(),
    httponly=st.booleans(),
    samesite=st.sampled_from([None, "lax", "strict", "Lax", "none"]),
)
def test_where_starlette_is_right_the_bytes_are_its(value: str, name: str, **attributes: Any) -> None:
    assume(attributes["secure"] or attributes["samesite"] != "none")
    # http.cookies takes these for attributes, not for names.
    assume(name.lower() not in {"max-age", "comment", "version"})
    ours = written(name, value, **attributes)
    assert ours.encode() == starlettes(name, value, **attributes)


@settings(max_examples=300)
@given(
    name=HOSTILE | st.just("n"),
    value=HOSTILE,
    path=st.none() | HOSTILE,
    domain=st.none() | HOSTILE,
    expires=st.none() | HOSTILE,
    max_age=st.none() | st.integers(),
    samesite=st.sampled_from([None, "lax"]) | HOSTILE,
    secure=st.booleans(),
    httponly=st.booleans(),
    quote=st.sampled_from(["auto", "percent"]),
)
def test_no_text_adds_or_ends_an_attribute(name: str, value: str, **arguments: Any) -> None:
    try:
        cookie = written(name, value, **arguments)
    except ValueError:
        return
    assert not re.search(r"[^ -~]", cookie)
    pair, *attributes = cookie.split(";")
    assert pair.partition("=")[0] == name
    given_arguments = {
        argument for argument, value in arguments.items() if value is not False and value not in {None, ""}
    }
    asked = [attribute for attribute, argument in ATTRIBUTES.items() if argument in given_arguments]
    assert [attribute.strip().partition("=")[0] for attribute in attributes] == asked
