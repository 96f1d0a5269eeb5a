"""Field names and values: RFC 9110 section 5.

A response's header section is a list of `(name, value)` pairs of bytes, the form in which ASGI sends it. This file
turns what a user writes (`str`, `int` or `bytes`; a mapping or pairs) into that form and is the one place that decides
which bytes may stand in a name or a value. Everything refused here would let one header become two on the wire.
"""

import re
from collections.abc import Collection, Iterable, Mapping
from functools import lru_cache
from typing import TypeAlias, cast

Field: TypeAlias = tuple[bytes, bytes]
FieldName: TypeAlias = str | bytes
FieldValue: TypeAlias = str | int | bytes
Headers: TypeAlias = Mapping[str, FieldValue] | Mapping[str, str] | Iterable[tuple[FieldName, FieldValue]]

# RFC 9110, 5.6.2: token = 1*tchar.
_is_token = re.compile(rb"[!#$%&'*+\-.^_`|~0-9A-Za-z]+").fullmatch
_is_lower_token = re.compile(rb"[!#$%&'*+\-.^_`|~0-9a-z]+").fullmatch

# RFC 9110, 5.5: field-value = *field-content, which begins and ends with a visible character or obs-text and may have
# spaces and tabs between. No other control character can be sent.
_is_value = re.compile(rb"(?:[!-~\x80-\xff](?:[\t -~\x80-\xff]*[!-~\x80-\xff])?)?").fullmatch


def encode_headers(headers: Headers) -> list[Field]:
    """The header section for what a user passed as `headers`, in its order, repeats kept, names in lower case.

    Raises:
        ValueError: a name is not a token, or a value has a character that no header can carry. The message names
            the header.

    >>> encode_headers({"X-Total": 3})
    [(b'x-total', b'3')]
    """
    # Not every collection of headers is a Mapping: those of email and http.client have items() all the same.
    items = getattr(headers, "items", None)
    if items is not None:
        return [encode_field(name, value) for name, value in items()]
    if not isinstance(headers, Iterable):
        raise ValueError(f"headers must be a mapping, or pairs of a name and a value; got {headers!r}")
    return [encode_field(*_pair(item)) for item in cast("Iterable[object]", headers)]


def encode_field(name: object, value: object) -> Field:
    """One header as bytes; raises as `encode_headers` does."""
    raw_name = _encode_token(name) if type(name) is str else _encode_name(name)
    # The usual value, told without a regular expression: printable ASCII is what `_is_value` allows, but for its ends.
    if type(value) is str and value.isascii() and value.isprintable() and value == value.strip(" "):
        return raw_name, value.encode()
    return raw_name, _encode_value(raw_name, value)


def checked(fields: Iterable[Field]) -> list[Field]:
    """The same fields, fit to be sent; for lists that the user's code had in its hands after they were made.

    Returns a new list; names are put in lower case, as ASGI asks, and surrounding white space is dropped.
    Raises as `encode_headers` does.
    """
    return [
        (name, value)
        if type(name) is bytes and type(value) is bytes and _is_lower_token(name) and _is_value(value)
        else encode_field(name, value)
        for name, value in fields
    ]


def set_field(fields: list[Field], field: Field) -> None:
    """Put the field into the list, in place of all of its name."""
    fields[:] = [other for other in fields if other[0] != field[0]]
    fields.append(field)


def combine(fields: Iterable[Field], names: Collection[bytes]) -> dict[bytes, bytes]:
    """The values of those of a request's fields that have one of these names, in lower case as ASGI has them.

    >>> combine([(b"if-match", b'"a"'), (b"if-match", b'"b" ')], {b"if-match"})
    {b'if-match': b'"a", "b"'}
    """
    values: dict[bytes, list[bytes]] = {}
    for name, value in fields:
        if name in names:
            values.setdefault(name, []).append(value.strip(b" \t"))
    # RFC 9110, 5.2: the value of a repeated field is the list of its "field line values within that section,
    # concatenated in order, with each field line value separated by a comma."
    return {name: b", ".join(lines) for name, lines in values.items()}


def _pair(item: object) -> tuple[object, object]:
    match item:
        case (name, value):
            return name, value
        case _:
            raise ValueError(f"headers must be a mapping, or pairs of a name and a value; got {item!r} among them")


def _encode_name(name: object) -> bytes:
    if not isinstance(name, (str, bytes)):
        raise ValueError(f"a header name must be str or bytes, got {name!r}")
    return _encode_token(name)


@lru_cache(maxsize=512)  # an application has few header names; the check costs more than the look-up
def _encode_token(name: str | bytes) -> bytes:
    raw = name.encode("ascii", "replace") if isinstance(name, str) else name  # the replacement "?" is no tchar
    if not _is_token(raw):
        raise ValueError(f"header name {name!r} is not a token (RFC 9110, 5.6.2): letters, digits and !#$%&'*+-.^_`|~")
    return raw.lower()


def _encode_value(name: bytes, value: object) -> bytes:
    if isinstance(value, str):
        try:
            raw = value.encode("latin-1")
        except UnicodeEncodeError as error:
            raise ValueError(
                f"header {name.decode()!r}: {value[error.start]!r} is outside latin-1, which is all that a header "
                "carries; percent-encode it with urllib.parse.quote(), or pass bytes in the encoding the reader expects"
            ) from None
    elif isinstance(value, bytes):
        raw = value
    elif isinstance(value, int) and not isinstance(value, bool):
        raw = b"%d" % value
    else:
        # One error for all bad headers, so that one `except` guards what comes from outside.
        raise ValueError(f"header {name.decode()!r}: the value must be str, int or bytes, got {type(value).__name__}")
    # RFC 9110, 5.5: "A field value does not include leading or trailing whitespace."
    raw = raw.strip(b" \t")
    if not _is_value(raw):
        raise ValueError(f"header {name.decode()!r}: the value {value!r} has a control character")
    return raw
