"""Cookies made of what a user wrote: a line each of name, value, path, domain, and the flags."""

import re
from urllib.parse import unquote

from starlette.requests import cookie_parser

from rejoinder._http.cookies import Cookie, Quote, SameSite, format_set_cookie

SEEDS = [
    b"session\nabc\n/\n\n",
    b"__Host-a\nb\n/\n\nsecure",
    b'a:b\n"x; y, z\\"\n/a b\xc3\xa9\n.example.com\nhttponly lax',
    b"a\n\xe2\x82\xac%20\n/;x\nb\xc3\xbccher.example\npartitioned secure none",
    b"a\nb\r\nset-cookie: c\n\n\n",
    b"a=b\n\t\n/\nexample.com; HttpOnly\nstrict",
    b"a\n" + b"b" * 4095,
]
_is_set_cookie = re.compile(
    r"(?P<name>[^\x00-\x20\x7f=;,\"]+)=(?P<value>(?:[^\x00-\x08\x0a-\x1f\x7f;\"]|\"(?:[^\"\\;]|\\.)*\")*)"
    r"(?:; (?:Domain=[^;]+|HttpOnly|Max-Age=-?[0-9]+|Partitioned|Path=[^;]+|SameSite=(?:lax|strict|none)|Secure))*"
).fullmatch


def target(data: bytes) -> None:
    name, value, path, domain, flags = (*data.decode("utf-8", "surrogateescape").split("\n", 4), "", "", "", "")[:5]
    samesite: SameSite | None = (
        "lax" if "lax" in flags else "strict" if "strict" in flags else "none" if "none" in flags else None
    )
    quotes: tuple[Quote, ...] = ("auto", "percent")
    for quote in quotes:
        cookie = Cookie(
            name=name, value=value, path=path, domain=domain, quote=quote, samesite=samesite,
            secure="secure" in flags, httponly="httponly" in flags, partitioned="partitioned" in flags,
        )  # fmt: skip
        try:
            told = format_set_cookie(cookie).decode("ascii")
        except ValueError:
            continue
        found = _is_set_cookie(told)
        assert found
        assert told.partition("=")[0] == name
        assert told.count("; HttpOnly") == cookie.httponly or "HttpOnly" in path + domain
        sent_back = told.split("; ")[0].partition("=")[2]
        if quote == "percent":
            assert unquote(sent_back, errors="strict") == value
        elif value.isascii():
            assert cookie_parser(f"{name}={sent_back}")[name] == value
