"""Caching: Cache-Control of RFC 9111 section 5.2, and `immutable` of RFC 8246."""

import re

IMMUTABLE = "public, max-age=31536000, immutable"

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
