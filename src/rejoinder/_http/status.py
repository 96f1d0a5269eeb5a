"""Status codes: RFC 9110 section 15."""

from http import HTTPStatus

FIRST, LAST = 100, 599

# RFC 9110, 6.4.1: "All 1xx (Informational), 204 (No Content), and 304 (Not Modified) responses do not include
# content." 15.3.6: "a server MUST NOT generate content in a 205 response".
WITH_CONTENT = frozenset(range(200, LAST + 1)) - {204, 205, 304}
FINAL = frozenset(range(200, LAST + 1))  # 15.2: a 1xx is an interim response

_REDIRECTIONS = frozenset(range(300, 400)) - {304}  # RFC 9110, 15.4

# RFC 9110 has renamed these, and Python follows from 3.13 on.
_PHRASES = {status.value: status.phrase for status in HTTPStatus} | {
    413: "Content Too Large",
    414: "URI Too Long",
    416: "Range Not Satisfiable",
    422: "Unprocessable Content",
}


def phrase_of(status: int) -> str | None:
    """The reason phrase of a registered status code: the same on every Python.

    >>> phrase_of(422)
    'Unprocessable Content'
    """
    return _PHRASES.get(status)


def check_status(status: object) -> None:
    """Refuse what is not a status code.

    Raises:
        TypeError: not an integer.
        ValueError: outside 100..599.
    """
    if not isinstance(status, int) or isinstance(status, bool):
        raise TypeError(f"status_code must be an int, got {status!r}; pass for example 200 or http.HTTPStatus.OK")
    if not FIRST <= status <= LAST:
        raise ValueError(f"status_code must be in {FIRST}..{LAST} (RFC 9110, 15), got {status}")


def check_redirect_status(status: int) -> None:
    """Refuse what sends nobody anywhere: only 3xx redirects, and 304 does not.

    Raises:
        ValueError: another code.
    """
    if status not in _REDIRECTIONS:
        raise ValueError(f"the status_code of a redirect must be 3xx other than 304, got {status}; the default is 307")
