"""Location, the target of a redirect: RFC 9110 section 10.2.2, RFC 3986, and IDNA for hosts.

A target is written once and read twice: by this file, to decide whether it is allowed, and by a browser, to go there.
The two must read the same thing, so the decision is made about the text as it will be sent, after quoting.
"""

import re
from collections.abc import Collection
from urllib.parse import SplitResult, quote, urlsplit

# What may stand in a URI as it is: RFC 3986, reserved characters and "%"; quote() keeps the unreserved.
_URI_CHARACTERS = ":/%#?=@[]!$&'()*+,;"
_stray_percent = re.compile(r"%(?![0-9A-Fa-f]{2})")
_has_control = re.compile(r"[\x00-\x1f\x7f]").search
# The usual target, which is its own Location: a path, or http(s) to an ASCII host with a path, and nothing to quote.
_is_location = re.compile(r"(?:https?://[a-z0-9.-]+(?::[0-9]+)?)?/[!#$&'()*+,\-./0-9:;=?@A-Z_a-z~]*").fullmatch
# With `allowed_hosts`, the only form of an absolute target: one in which every reader finds the same host. No user
# information, no empty label, nothing in the host that one reader decodes (%2F) and another does not.
_absolute = re.compile(
    r"(?:https?:)?//(?P<host>[a-z0-9_-]+(?:\.[a-z0-9_-]+)*|\[[0-9a-f:.]+\])(?::[0-9]*)?(?:[/?#].*)?", re.IGNORECASE
).fullmatch
_is_host = re.compile(r"[a-z0-9_-]+(?:\.[a-z0-9_-]+)*|\[?[0-9a-f:.]*:[0-9a-f:.]*\]?").fullmatch
# As `urlsplit` finds it, which then normalizes what is not ASCII: of some sequences of accents, that takes the square of their
# length. No host name has more than 253 octets.
_begins_with_authority = re.compile(r"(?:[A-Za-z0-9+.-]*+:)?//(?P<authority>[^/?#]*+)").match
_LONGEST_AUTHORITY = 1024
# Schemes whose "resource" is the URL itself: a browser would run or show what a stranger wrote, in this site's name.
_SELF_CONTAINED = frozenset({"javascript", "data", "vbscript"})


def format_location(url: str, allowed_hosts: Collection[str] | None) -> str:
    """The Location for this target, quoted, its host in IDNA's ASCII form.

    Raises:
        ValueError: a control character, a `javascript:`, `data:` or `vbscript:` target, a host that is no host name,
            or, with `allowed_hosts`, a target that leads to any other host.

    >>> format_location("https://bücher.example/a b", None)
    'https://xn--bcher-kva.example/a%20b'
    """
    if allowed_hosts is None and _is_location(url):
        return url
    if _has_control(url):
        raise ValueError(f"redirect target {url!r} has a control character")
    # WHATWG URL, 4.4: a browser strips spaces at both ends before it looks for a scheme.
    target = _stray_percent.sub("%25", url.strip(" "))
    parts = _split(target)
    if parts.scheme.lower() in _SELF_CONTAINED:
        raise ValueError(f"redirect target {url!r}: {parts.scheme}: is not a place to go to")
    if not parts.netloc.isascii():
        target = target.replace(parts.netloc, _encode_authority(parts.netloc), 1)
    location = quote_uri(target)
    if allowed_hosts is not None:
        _check_host(location, allowed_hosts)
    return location


def quote_uri(text: str) -> str:
    """The text with all percent-encoded that may not stand in a URI; what is encoded already stays.

    >>> quote_uri("/50%/a b?c=%20")
    '/50%25/a%20b?c=%20'
    """
    return quote(_stray_percent.sub("%25", text), safe=_URI_CHARACTERS)


def encode_host(host: str) -> str:
    """The ASCII form of a host name, as browsers make it (IDNA 2008 with the UTS 46 mapping).

    Raises:
        ValueError: not a host name.
    """
    import idna  # its tables take longer to load than the rest of this package

    dot = "." if host.startswith(".") else ""  # a cookie's domain may begin with one
    try:
        return dot + idna.encode(host.removeprefix("."), uts46=True).decode("ascii")
    except idna.IDNAError as error:
        raise ValueError(f"{host!r} is not a host name: {error}") from error


def _split(target: str) -> SplitResult:
    found = _begins_with_authority(target)
    if found and len(found["authority"]) > _LONGEST_AUTHORITY and not found["authority"].isascii():
        raise ValueError(f"redirect target {target[:80]!r}... is longer than any host name")
    try:
        return urlsplit(target)
    except ValueError as error:
        raise ValueError(f"redirect target {target!r}: {error}") from error


def _encode_authority(authority: str) -> str:
    userinfo, at, hostport = authority.rpartition("@")
    if not hostport.isascii():
        host, colon, port = hostport.partition(":")
        hostport = f"{encode_host(host)}{colon}{port}"
    return f"{quote(userinfo, safe=_URI_CHARACTERS)}{at}{hostport}"


def _check_host(location: str, allowed_hosts: Collection[str]) -> None:
    """A path on this site, or http(s) to an allowed host; "*.example.com" allows what is below example.com."""
    if isinstance(allowed_hosts, str):  # a collection of one-letter hosts
        raise TypeError(f"allowed_hosts must be a collection of host names, got {allowed_hosts!r}; pass a set of them")
    # Not `not parts.netloc`: in "///host" urlsplit sees a path, and every browser a host.
    if not _split(location).scheme and not location.startswith("//"):
        return
    absolute = _absolute(location)
    if absolute and any(_allows(pattern, absolute["host"].lower()) for pattern in allowed_hosts):
        return
    raise ValueError(f"redirect target {location!r} does not lead to one of allowed_hosts")


def _allows(pattern: str, host: str) -> bool:
    name = pattern.removeprefix("*.")
    name = name.lower() if name.isascii() else encode_host(name)
    if not _is_host(name):
        raise ValueError(f"allowed_hosts has {pattern!r}, which is neither a host name nor '*.' and one")
    if pattern.startswith("*."):
        return host.endswith(f".{name}")
    return host.strip("[]") == name.strip("[]")
