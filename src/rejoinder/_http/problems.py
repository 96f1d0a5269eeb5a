"""Problem details: RFC 9457, what an error's content says to a program."""

import re
from collections.abc import Mapping

from rejoinder._http.location import quote_uri
from rejoinder._http.status import phrase_of

MEDIA_TYPE = "application/problem+json"
ABOUT_BLANK = "about:blank"

_MEMBERS = frozenset({"type", "title", "status", "detail", "instance"})
_is_absolute = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:|/").match


def problem_details(
    status: int,
    title: str | None = None,
    detail: str | None = None,
    *,
    type: str = ABOUT_BLANK,  # noqa: A002 - the RFC's name
    instance: str | None = None,
    extensions: Mapping[str, object] | None = None,
) -> dict[str, object]:
    """The members of the object, those that say something.

    Raises:
        ValueError: `type` or `instance` is relative to the URL of the request, a member is no text, or an extension has
            the name of a member.

    >>> problem_details(404, extensions={"id": 7})
    {'type': 'about:blank', 'title': 'Not Found', 'status': 404, 'id': 7}
    """
    for name, value in (("title", title), ("detail", detail)):
        if value is not None and not isinstance(value, str):
            raise ValueError(f"{name} must be a str, got {value!r}; pass it in extensions={{...}}")
    if title is None and type == ABOUT_BLANK:
        # 4.2.1: "When "about:blank" is used, the title SHOULD be the same as the recommended HTTP status phrase".
        title = phrase_of(status)
    extensions = extensions or {}
    if taken := _MEMBERS & extensions.keys():
        raise ValueError(f"extensions has {', '.join(sorted(taken))}: pass it as the argument of that name")
    members = {
        "type": _uri_reference("type", type),
        "title": title,
        "status": status,
        "detail": detail,
        "instance": None if instance is None else _uri_reference("instance", instance),
    }
    return {**{name: value for name, value in members.items() if value is not None}, **extensions}


def _uri_reference(name: str, uri: object) -> str:
    # 3.1.1: "When "type" contains a relative URI [...] it is RECOMMENDED that absolute URIs be used [...] and that when
    # relative URIs are used, they include the full path", since what they are relative to is the URL of each request.
    if not isinstance(uri, str) or not _is_absolute(uri):
        raise ValueError(
            f"{name} must be an absolute URI, or a path that begins with '/' (RFC 9457, 3.1), got {uri!r}; "
            "pass for example 'https://example.com/problems/out-of-stock'"
        )
    return quote_uri(uri.encode(errors="replace").decode())
