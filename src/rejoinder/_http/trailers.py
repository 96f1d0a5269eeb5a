"""Trailers: RFC 9110 section 6.5, fields that are known only when the content is."""

from collections.abc import Callable, Collection, Iterable, Mapping
from typing import TypeAlias

from rejoinder._http.digests import Digest, Hash
from rejoinder._http.fields import Field, FieldValue, encode_field

TrailerValue: TypeAlias = FieldValue | Callable[[], FieldValue]

# 6.5.1: "Many fields cannot be processed outside the header section because their evaluation is necessary prior to
# receiving the content, such as those that describe message framing, routing, authentication, request modifiers,
# response controls, or content format."
_NOT_IN_TRAILERS = frozenset(
    b"age cache-control connection content-encoding content-length content-range content-type date expires host "
    b"keep-alive location proxy-authenticate proxy-connection retry-after set-cookie te trailer transfer-encoding "
    b"upgrade vary warning www-authenticate".split()
)


def check_trailers(trailers: Mapping[str, TrailerValue]) -> tuple[tuple[bytes, TrailerValue], ...]:
    """The trailers that a caller gave, and whose values are told or found out at the end.

    Raises:
        ValueError: no mapping; a name that is none, or that of a field that has no meaning after the content; a value
            that no field can have.

    >>> check_trailers({"X-Rows": 3})
    ((b'x-rows', 3),)
    """
    if not isinstance(trailers, Mapping):
        raise ValueError(f"trailers must be a mapping of names to values, or to functions of none; got {trailers!r}")
    checked: list[tuple[bytes, TrailerValue]] = []
    for given, value in trailers.items():
        name, _ = encode_field(given, "" if callable(value) else value)
        if name in _NOT_IN_TRAILERS:
            raise ValueError(f"{given} has no meaning after the content (RFC 9110, 6.5.1); pass it in `headers`")
        checked.append((name, value))
    return tuple(checked)


class Trailers:
    """Those of one sending: what was given, and the digests of all octets that are sent."""

    __slots__ = ("_fields", "_hashes")

    def __init__(self, fields: Iterable[tuple[bytes, TrailerValue]], digests: Iterable[Digest]) -> None:
        self._fields = tuple(fields)
        self._hashes: list[tuple[Digest, Hash]] = [(digest, digest.start()) for digest in digests]

    def names(self) -> Field:
        """6.6.2: what to expect after the content."""
        names: Collection[bytes] = dict.fromkeys(
            [*(name for name, _ in self._fields), *(digest.name for digest, _ in self._hashes)]
        )
        return b"trailer", b", ".join(names)

    def feed(self, data: bytes) -> None:
        """Some more of the content."""
        for _, digest in self._hashes:
            digest.update(data)

    def end(self) -> list[Field]:
        """The fields, now that there is no more.

        Raises:
            ValueError: a function returned what no field can have as its value.
            Exception: what a function raised.
        """
        fields = [encode_field(name, value() if callable(value) else value) for name, value in self._fields]
        return fields + [digest.format(state.digest()) for digest, state in self._hashes]
