"""Content negotiation: RFC 9110 section 12.

A representation may exist in several content codings. Which of them a client would rather have is decided here, from
its Accept-Encoding alone; who asks knows which ones there are. What there was to choose from is told by Vary, also when
the choice fell on what every other client would have got.
"""

import re
from collections.abc import Iterable
from functools import lru_cache

from rejoinder._http.fields import Field, combine

ACCEPT_ENCODING = b"accept-encoding"
CONTENT_ENCODING = b"content-encoding"
IDENTITY = b"identity"
_ANY = b"*"
PAGE_VARY = "accept, sec-fetch-mode"  # what `wants_page` looks at
_ACCEPT, _FETCH_MODE, _VARY = b"accept", b"sec-fetch-mode", b"vary"

# 12.5.3: ( codings [ weight ] ); 12.4.2: weight = OWS ";" OWS "q=" qvalue, three digits at most. Possessive: linear.
_element = re.compile(
    rb"[ \t]*+([!#$%&'*+\-.^_`|~0-9A-Za-z]++)(?:[ \t]*+;[ \t]*+[qQ]=(0(?:\.[0-9]{0,3})?|1(?:\.0{0,3})?))?[ \t]*+"
).fullmatch
# 8.4.1.3: "A recipient SHOULD consider "x-gzip" to be equivalent to "gzip"", and 8.4.1.1 the same of "x-compress".
_ALIASES = {b"x-gzip": b"gzip", b"x-compress": b"compress"}
_names_html = re.compile(
    rb"(?:\A|,)[ \t]*+text/html[ \t]*+(?=,|;|\Z)(?![ \t]*+;[ \t]*+q=0(?:\.0*+)?[ \t]*+(?:,|\Z))"
).search


def parse_accept_encoding(value: bytes) -> dict[bytes, float]:
    """The weight of each coding that the field names, in lower case; elements that are none are left out.

    Of a client that contradicts itself, the smaller weight counts: what it may not want is not sent to it.

    >>> parse_accept_encoding(b"br;q=0.5, X-GZip, zstd;q=high")
    {b'br': 0.5, b'gzip': 1.0}
    """
    weights: dict[bytes, float] = {}
    for element in value.split(b","):
        if found := _element(element):
            coding = found[1].lower()
            coding = _ALIASES.get(coding, coding)
            weights[coding] = min(float(found[2] or 1), weights.get(coding, 1.0))
    return weights


@lru_cache(maxsize=64)  # clients send few different values, and reading one costs as much as looking for a file
def rank_codings(value: bytes | None, offered: tuple[bytes, ...]) -> tuple[bytes, ...]:
    """Those of the offered codings that the client would rather have than none at all, the best first.

    `offered` is in the server's order, which decides among equals. Without the field, a client is content with
    anything (12.5.3), but those that do not send it are those that cannot decode: they get no coding. Nor does a client that
    refuses even identity, and has not named what is offered: 12.5.3 leaves that to the server, and a response that can be
    read is better than a 406 that says it could have been.

    >>> rank_codings(b"gzip;q=0.8, *;q=0.1, br", (b"br", b"zstd", b"gzip"))
    (b'br', b'gzip', b'zstd')
    """
    if not value:  # 12.5.3: an empty field "implies that the user agent does not want any content coding"
        return ()
    weights = parse_accept_encoding(value)
    others = weights.get(_ANY, 0.0)  # 12.5.3: "*" is any coding "not explicitly listed in the field"
    # An identity that is not named is acceptable, but was not asked for: whatever else was is better.
    identity = weights.get(IDENTITY, others)
    wanted = [coding for coding in offered if 0 < weights.get(coding, others) >= identity]
    return tuple(sorted(wanted, key=lambda coding: -weights.get(coding, others)))


def wants_page(request: Iterable[Field]) -> bool:
    """Whether this request is a navigation, whose answer a browser shows as a page: not a script's or an image's.

    Browsers say it in Sec-Fetch-Mode, over HTTPS and on localhost. Elsewhere, one that names text/html wants a page.

    >>> wants_page([(b"accept", b"text/html,*/*;q=0.8")]), wants_page([(b"accept", b"*/*")])
    (True, False)
    """
    asked = combine(request, {_ACCEPT, _FETCH_MODE})
    if (mode := asked.get(_FETCH_MODE)) is not None:
        return mode == b"navigate"
    return _names_html(asked.get(_ACCEPT, b"").lower()) is not None


def add_vary(fields: Iterable[Field], name: bytes) -> list[Field]:
    """The fields, with this name in Vary (12.5.5), which stays as it is where that says so already.

    `*` stands for everything, and alone.

    >>> add_vary([(b"vary", b"Origin"), (b"a", b"1")], b"accept-encoding")
    [(b'a', b'1'), (b'vary', b'Origin, accept-encoding')]
    """
    fields = list(fields)
    value = combine(fields, {_VARY}).get(_VARY, b"")
    members = [member.strip(b" \t") for member in value.lower().split(b",")]
    if name in members or _ANY in members:
        return fields
    told = name if name == _ANY else b", ".join(part for part in (value, name) if part)
    return [*(field for field in fields if field[0] != _VARY), (_VARY, told)]
