"""Set-Cookie: RFC 6265 and its successor draft, "6265bis".

Two readers have to agree with what is written here: a browser, and the server that gets the cookie back. Servers in
Python undo what `http.cookies` does to a value, so values are written as it writes them; where it cannot (characters
beyond latin-1), they are percent-encoded UTF-8, which JavaScript's `decodeURIComponent` reads too.

A browser silently drops a cookie that breaks its rules. So every such rule is an error here: at the time of the call,
in the words of the argument that has to change.
"""

import re
from dataclasses import dataclass
from datetime import datetime, timedelta
from http.cookies import SimpleCookie
from typing import Literal, TypeAlias
from urllib.parse import quote as percent_encode

from rejoinder._http.dates import format_date
from rejoinder._http.location import encode_host

SameSite: TypeAlias = Literal["lax", "strict", "none"]
Quote: TypeAlias = Literal["auto", "percent"]

# 6265bis, 5.6: "If the sum of the lengths of the name string and the value string is more than 4096 octets, abort".
MAX_OCTETS = 4096

# RFC 6265, 4.1.1: cookie-name = token. The colon is no token character, but http.cookies has always allowed it, all
# browsers keep it, and names like "app:session" are in use.
_is_name = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z:]+").fullmatch
# 4.1.1: av-octet = any CHAR except CTLs or ";".
_is_attribute_value = re.compile(r"[ -:<-~]*").fullmatch
_has_control = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]").search
_has_surrogate = re.compile("[\ud800-\udfff]").search
# 4.1.1: cookie-octet, without "%", which percent-encoding itself needs. quote() adds letters, digits and "_.-~".
_COOKIE_OCTETS = "!#$&'()*+/:<=>?@[]^`{|}"

_as_http_cookies_does = SimpleCookie().value_encode


@dataclass(frozen=True, slots=True, kw_only=True)
class Cookie:
    """A cookie as it is to be set; every rule is checked by `format_set_cookie`."""

    name: str
    value: str | int = ""
    max_age: int | timedelta | None = None
    expires: datetime | str | None = None
    path: str | None = "/"
    domain: str | None = None
    secure: bool = False
    httponly: bool = False
    samesite: SameSite | None = "lax"
    partitioned: bool = False
    quote: Quote = "auto"


def format_set_cookie(cookie: Cookie) -> bytes:
    """The value of the Set-Cookie field, attributes in the order and spelling of `http.cookies`.

    Raises:
        ValueError: a browser would drop the cookie, or a character could end an attribute and begin another.
        TypeError: an argument of a wrong type.

    >>> format_set_cookie(Cookie(name="a", value="b", secure=True, partitioned=True))
    b'a=b; Partitioned; Path=/; SameSite=lax; Secure'
    """
    name, value = _check_name(cookie.name), _encode_value(cookie)
    if len(name) + len(value) > MAX_OCTETS:
        raise ValueError(
            f"cookie {name!r}: name and value are {len(name) + len(value)} octets, and browsers drop more than "
            f"{MAX_OCTETS}; keep the data on the server, and a key to it in the cookie"
        )
    _check_same_site(cookie)
    _check_promises(cookie)
    attributes = [
        f"{name}={value}",
        _attribute(name, "Domain", _ascii_domain(_text(cookie, "domain", cookie.domain))),
        _attribute(name, "expires", _expires(cookie)),
        "HttpOnly" if cookie.httponly else "",
        _max_age(cookie),
        "Partitioned" if cookie.partitioned else "",
        # A browser compares Path with the path that it requests, which it has percent-encoded.
        _attribute(name, "Path", percent_encode(_text(cookie, "path", cookie.path), safe=_ASCII)),
        _attribute(name, "SameSite", cookie.samesite),
        "Secure" if cookie.secure else "",
    ]
    return "; ".join(filter(None, attributes)).encode("ascii")


_ASCII = "".join(map(chr, range(128)))


def _check_name(name: object) -> str:
    if not isinstance(name, str) or not _is_name(name):
        raise ValueError(f"cookie name {name!r} is not a token (RFC 6265, 4.1.1): letters, digits and !#$%&'*+-.^_`|~:")
    return name


def _encode_value(cookie: Cookie) -> str:
    name, value = cookie.name, cookie.value
    if not isinstance(value, (str, int)):
        raise TypeError(f"cookie {name!r}: the value must be str or int, got {type(value).__name__}; pass str(value)")
    text = str(value)
    if _has_control(text):
        raise ValueError(f"cookie {name!r}: the value {text!r} has a control character")
    if _has_surrogate(text):
        raise ValueError(f"cookie {name!r}: the value {text!r} has half of a surrogate pair, which UTF-8 cannot carry")
    match cookie.quote:
        case "percent":
            return percent_encode(text, safe=_COOKIE_OCTETS)
        case "auto":
            coded = _as_http_cookies_does(text)[1]
            return coded if coded.isascii() else percent_encode(text, safe=_COOKIE_OCTETS)
    raise ValueError(f"cookie {name!r}: quote must be 'auto' or 'percent', got {cookie.quote!r}")


def _check_same_site(cookie: Cookie) -> None:
    samesite: object = cookie.samesite
    if samesite is None or (isinstance(samesite, str) and samesite.lower() in {"lax", "strict", "none"}):
        return
    raise ValueError(f"cookie {cookie.name!r}: samesite must be 'lax', 'strict', 'none' or None, got {samesite!r}")


def _check_promises(cookie: Cookie) -> None:
    """What a name's prefix, SameSite=None and Partitioned promise: 6265bis 4.1.3 and 5.6, and CHIPS."""
    name = cookie.name.lower()
    promises = {
        "a __Host- name": name.startswith("__host-"),
        "a __Secure- name": name.startswith("__secure-"),
        "samesite='none'": cookie.samesite is not None and cookie.samesite.lower() == "none",
        "partitioned=True": cookie.partitioned,
    }
    for promise, made in promises.items():
        if made and not cookie.secure:
            raise ValueError(f"cookie {cookie.name!r}: browsers drop a cookie with {promise} unless it has secure=True")
    if promises["a __Host- name"] and (cookie.path != "/" or cookie.domain):
        raise ValueError(f"cookie {cookie.name!r}: browsers drop a __Host- cookie with a domain, or a path but '/'")


def _attribute(name: str, attribute: str, value: str | None) -> str:
    if not value:
        return ""
    if not _is_attribute_value(value):
        raise ValueError(
            f"cookie {name!r}: {attribute} {value!r} has a control character, ';' or a non-ASCII character"
        )
    return f"{attribute}={value}"


def _text(cookie: Cookie, attribute: str, value: object) -> str:
    if value is None:
        return ""
    if not isinstance(value, str):
        raise TypeError(f"cookie {cookie.name!r}: {attribute} must be str or None, got {type(value).__name__}")
    return value


def _ascii_domain(domain: str) -> str:
    if domain.isascii():
        return domain
    return encode_host(domain)


def _expires(cookie: Cookie) -> str | None:
    match cookie.expires:
        case None | str():
            return cookie.expires
        case datetime():
            try:
                return format_date(cookie.expires)
            except ValueError as error:
                raise ValueError(f"cookie {cookie.name!r}: expires: {error}") from None
    raise TypeError(
        f"cookie {cookie.name!r}: expires must be an aware datetime, a date as text, or seconds from now as int, "
        f"got {type(cookie.expires).__name__}"
    )


def _max_age(cookie: Cookie) -> str:
    match cookie.max_age:
        case None:
            return ""
        case timedelta():
            return f"Max-Age={cookie.max_age // timedelta(seconds=1)}"
        case int():
            return f"Max-Age={int(cookie.max_age)}"
    raise TypeError(
        f"cookie {cookie.name!r}: max_age must be whole seconds as int, or a timedelta, "
        f"got {type(cookie.max_age).__name__}"
    )
