"""Caching: Cache-Control of RFC 9111 section 5.2, with the directives of RFC 5861 and RFC 8246."""

import re
from collections.abc import Iterable
from datetime import timedelta
from typing import Self, TypeAlias

from rejoinder._http.fields import encode_field

Seconds: TypeAlias = int | timedelta
FieldNames: TypeAlias = str | Iterable[str]

# 1.2.2: a cache that gets a greater number than it can hold "MUST consider the value to be 2147483648 (2^31)".
_LONGEST = 2**31


class CacheControl(str):
    """What caches may do with a response: the value of Cache-Control, which is a text and can be used as one.

    It says what its arguments say, and nothing else. Make it once, for many responses.

    Args:
        public: any cache may keep it, even the answer to a request with Authorization.
        private: only the user's own cache may keep it; or the names of fields that others must not keep.
        no_cache: it is kept, but used only after the server was asked; or the names of fields for which that holds.
        no_store: nobody keeps it.
        max_age: how long it is fresh, in seconds (0 to 2^31), or as a timedelta, of which whole seconds count.
        s_maxage: the same for shared caches, as those of a CDN, where it wins over `max_age`.
        must_revalidate: no cache uses it when it is no longer fresh, not even when the server cannot be reached.
        proxy_revalidate: the same for shared caches.
        must_understand: only caches that know what the status code asks for may keep it. RFC 9111, 5.2.2.3 wants
            `no_store` beside it, for all others; here, it may stand beside directives that let it be kept.
        no_transform: nobody between changes the content, for example compresses images.
        stale_while_revalidate: so long after it was fresh, it is used while the server is asked (RFC 5861, 3).
        stale_if_error: so long after it was fresh, it is used if the server fails (RFC 5861, 4).
        immutable: it does not change while it is fresh: a reload does not ask (RFC 8246).

    Raises:
        ValueError: no directive at all; a time that is negative, too long or no time; a name that is none; directives
            that contradict each other, where a cache would follow one and forget the other.

    >>> CacheControl(public=True, max_age=timedelta(days=365), immutable=True)
    'public, max-age=31536000, immutable'
    >>> str(CacheControl(no_cache=True, private=["set-cookie", "x-user"]))
    'private="set-cookie, x-user", no-cache'
    """

    __slots__ = ()

    def __new__(
        cls,
        *,
        public: bool = False,
        private: bool | FieldNames = False,
        no_cache: bool | FieldNames = False,
        no_store: bool = False,
        max_age: Seconds | None = None,
        s_maxage: Seconds | None = None,
        must_revalidate: bool = False,
        proxy_revalidate: bool = False,
        must_understand: bool = False,
        no_transform: bool = False,
        stale_while_revalidate: Seconds | None = None,
        stale_if_error: Seconds | None = None,
        immutable: bool = False,
    ) -> Self:
        """Check the directives, and write them in this order."""
        directives = {
            "public": _flag("public", public),
            "private": _qualified("private", private),
            "no-cache": _qualified("no_cache", no_cache),
            "no-store": _flag("no_store", no_store),
            "max-age": _delta_seconds("max_age", max_age),
            "s-maxage": _delta_seconds("s_maxage", s_maxage),
            "must-revalidate": _flag("must_revalidate", must_revalidate),
            "proxy-revalidate": _flag("proxy_revalidate", proxy_revalidate),
            "must-understand": _flag("must_understand", must_understand),
            "no-transform": _flag("no_transform", no_transform),
            "stale-while-revalidate": _delta_seconds("stale_while_revalidate", stale_while_revalidate),
            "stale-if-error": _delta_seconds("stale_if_error", stale_if_error),
            "immutable": _flag("immutable", immutable),
        }
        said = {name: argument for name, argument in directives.items() if argument is not None}
        if not said:
            raise ValueError("CacheControl() says nothing; pass a directive, for example max_age=60 or no_store=True")
        _check_contradictions(said)
        return super().__new__(cls, ", ".join(map("".join, said.items())))

    def __reduce__(self) -> tuple[type[str], tuple[str]]:
        """Copied and pickled as the text that it is."""
        return str, (str(self),)


# Each line: what rules out the others, which would be forgotten, and why. A directive with field names is about these
# fields alone, and contradicts nothing.
_CONTRADICTIONS: tuple[tuple[str, frozenset[str], str], ...] = (
    (
        "private",
        frozenset({"public", "s-maxage", "proxy-revalidate"}),
        "only the user's own cache may keep it, and these are for shared ones",
    ),
    (
        "no-cache",
        frozenset({"immutable", "stale-while-revalidate", "stale-if-error"}),
        "it is never used without asking the server, and these are about using it so",
    ),
    (
        "must-revalidate",
        frozenset({"stale-while-revalidate", "stale-if-error"}),
        "it is not used when it is no longer fresh, and these are about using it then",
    ),
    (
        "no-store",
        frozenset({"public", "s-maxage", "immutable", "stale-while-revalidate", "stale-if-error"}),
        "nobody keeps it, and these are for those who do",
    ),
)


def _check_contradictions(said: dict[str, str]) -> None:
    for name, others, why in _CONTRADICTIONS:
        # 5.2.2.3: a cache that implements must-understand ignores no-store where it knows the status code.
        if said.get(name) != "" or (name == "no-store" and "must-understand" in said):
            continue
        if found := [other for other in said if other in others]:
            raise ValueError(f"Cache-Control: {name} contradicts {', '.join(found)}: {why}; leave out one of them")


def _flag(name: str, value: object) -> str | None:
    if not isinstance(value, bool):
        raise ValueError(f"{name} must be True or False, got {value!r}")
    return "" if value else None


def _qualified(name: str, value: object) -> str | None:
    if isinstance(value, bool):
        return "" if value else None
    names = [value] if isinstance(value, str) else list(value) if isinstance(value, Iterable) else []
    if not names:
        raise ValueError(f"{name} must be True, or the names of fields, got {value!r}")
    # 5.2.2.4: "A sender SHOULD NOT generate the token form" of the argument, even of one name.
    return f'="{", ".join(encode_field(field, "")[0].decode() for field in names)}"'


def _delta_seconds(name: str, value: object) -> str | None:
    if value is None:
        return None
    seconds = value // timedelta(seconds=1) if isinstance(value, timedelta) else value
    if not isinstance(seconds, int) or isinstance(seconds, bool):
        raise ValueError(f"{name} must be whole seconds or a timedelta, got {value!r}")
    if not 0 <= seconds <= _LONGEST:
        raise ValueError(f"{name} must be 0 to {_LONGEST} seconds (RFC 9111, 1.2.2), got {seconds}; a year is 31536000")
    return f"={seconds}"


IMMUTABLE = CacheControl(public=True, max_age=timedelta(days=365), immutable=True)

# A name that bundlers write has the hash of its content before its extension: app.3f2a1b9c.js, index-BkH1x9aZ.css. Who
# takes another name for one has readers that see the old content for a year, so a hash has to look random: eight or more
# hexadecimal digits, letters and figures among them (a date has no letters), but not the end of a UUID; or, of what
# bundlers make, eight of base64url with both cases, and a figure right between letters. "Chapter1" and "Room-12B" have
# none, nor has every second hash: those files are asked for again, which costs little. All that repeats is bounded.
_HEXADECIMAL = (
    r"(?<![.-][0-9a-f]{4})[.-](?=[a-f]{0,63}[0-9])(?=[0-9]{0,63}[a-f])[0-9a-f]{8,64}"
    r"(?:\.(?:chunk|min|module))?\.[a-z0-9]{1,12}"
)
_BASE64URL = (
    r"[.-](?=[^.]{0,7}[a-z])(?=[^.]{0,7}[A-Z])(?=[^.]{0,5}[A-Za-z][0-9]{1,6}[A-Za-z])[A-Za-z_-][A-Za-z0-9_-]{7}"
    r"\.(?:avif|css|gif|ico|jpe?g|m?js|json|otf|png|svg|ttf|wasm|webp|woff2?)"
)
_has_hash = re.compile(rf"[^/](?:{_HEXADECIMAL}|{_BASE64URL})(?:\.map)?\Z").search


def is_fingerprinted(path: str) -> bool:
    """Whether the name of this file has the hash of its content in it, so that it will never have another.

    >>> is_fingerprinted("assets/app.3f2a1b9c.js"), is_fingerprinted("report-20241117.pdf")
    (True, False)
    """
    return _has_hash(path) is not None
