"""JSON (RFC 8259), with msgspec as the engine.

msgspec writes what it knows at once. What it does not know it hands to a hook, where the types of other libraries are
turned into JSON's own. What it refuses and `json.dumps` takes (lone surrogates) goes the slow way: `plain` makes a tree
of JSON's own types, and the standard library writes that. So does content in which NaN would be an error, because
msgspec writes null for it and does not tell.
"""

import json
from collections.abc import Callable
from enum import Enum
from math import isfinite
from typing import Any, Literal, TypeAlias

import msgspec

Default: TypeAlias = Callable[[Any], Any]
Nan: TypeAlias = Literal["null", "error"]

# What the engines write for NaN and the infinities: null as a value, "nan" and the like as a key, or as pydantic is told.
_TRACES_OF_NAN = (b"null", b"nan", b"inf", b"NaN", b"Infinity")


def encode_json(content: object, default: Default | None = None, nan: Nan = "null") -> bytes:
    """The content as compact JSON in UTF-8.

    Args:
        content: what `json.dumps` takes, and dataclass, pydantic, attrs and msgspec objects, Enum, datetime, date,
            time, timedelta, UUID, Decimal, set, Path, numpy arrays and scalars.
        default: called with a value of any other type; returns one that can be encoded.
        nan: what NaN and the infinities become: `"null"`, as in JavaScript, or a ValueError.

    Raises:
        TypeError: a value of a type that neither the table nor `default` knows.
        ValueError: the content is circular or too deep, has NaN where that is an error, or has an integer of more
            digits than Python agrees to write.

    >>> encode_json({"price": float("nan"), "tags": {"a"}})
    b'{"price":null,"tags":["a"]}'
    """
    check_nan(nan)
    default = once(default)
    encoder = _encoder if default is None else msgspec.json.Encoder(enc_hook=_hook(default, _model_as_json))
    try:
        encoded = encoder.encode(content)
        if nan == "null" or not may_hide_nan(encoded):
            return encoded
    except (TypeError, ValueError, RecursionError):
        pass
    try:
        tree = _plain(content, _hook(default, _model_as_tree), nan)
        text = json.dumps(tree, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    except RecursionError:
        raise too_deep() from None
    # A lone surrogate cannot be UTF-8; "\ud800" is how JSON writes it, and what this error handler makes of it.
    return text.encode("utf-8", "backslashreplace")


def plain(content: object, default: Default | None = None, nan: Nan = "null") -> object:
    """The content as a tree of dict (with `str` keys), list, str, int, float, bool and None; raises as `encode_json`."""
    try:
        return _plain(content, _hook(default, _model_as_tree), nan)
    except RecursionError:
        raise too_deep() from None


def hook(default: Default | None) -> Default:
    """For engines that call back with what they do not know, and take JSON's own types in return."""
    convert = _hook(default, _model_as_tree)

    def to_builtins(value: object) -> object:
        return msgspec.to_builtins(value, enc_hook=convert)

    return to_builtins


def once(default: Default | None) -> Default | None:
    """`default`, asked once about each object: on a second pass, a generator that it has read would be empty."""
    if default is None:
        return None
    answers: dict[int, tuple[object, object]] = {}

    def ask(value: object) -> object:
        if id(value) not in answers:
            answers[id(value)] = value, default(value)  # the value is kept, so that no other gets its id
        return answers[id(value)][1]

    return ask


def check_nan(nan: object) -> None:
    """Refuse what is no policy for NaN."""
    if nan not in {"null", "error"}:
        raise ValueError(f"nan must be 'null' or 'error', got {nan!r}")


def may_hide_nan(encoded: bytes) -> bool:
    """Whether there is something in it that an engine writes for NaN; `plain` tells whether it was NaN."""
    return any(trace in encoded for trace in _TRACES_OF_NAN)


def probe(content: object) -> bytes | None:
    """Refuse content without end, for an engine that would not. What shows its structure; None where msgspec cannot."""
    try:
        return _probe.encode(content)
    except RecursionError:
        raise too_deep() from None
    except (TypeError, ValueError):
        return None


def too_deep(limit: str = "Python's recursion limit") -> ValueError:
    """For every engine, the error of content without end."""
    return ValueError(f"the content cannot be JSON: it contains itself, or is nested deeper than {limit}")


def _model_as_json(model: Any) -> object:
    encoded = model.model_dump_json(by_alias=True)  # by_alias: what FastAPI sends for the same model
    # A model with ser_json_inf_nan="constants" writes NaN, which is not JSON. Text may hold these words, too.
    if "NaN" in encoded or "Infinity" in encoded:
        return json.loads(encoded)
    return msgspec.Raw(encoded)


def _model_as_tree(model: Any) -> object:
    return model.model_dump(mode="json", by_alias=True)


def _hook(default: Default | None, dump_model: Default) -> Default:
    """Turns a value that the engine does not know into one that it does."""

    def convert(value: Any) -> Any:  # noqa: PLR0911 - a table
        kind = type(value)
        if value is None or kind is bool:  # as a key; msgspec asks about no other
            return _NAMES[value]
        if hasattr(kind, "model_dump_json"):  # pydantic, which need not be installed to be recognised
            return dump_model(value)
        if isinstance(value, str):
            return str.__str__(value)
        if isinstance(value, int):
            return int.__int__(value)
        if isinstance(value, float):
            return float.__float__(value)
        if hasattr(kind, "__fspath__"):
            return value.__fspath__()
        if hasattr(kind, "tolist"):  # numpy's arrays and scalars
            return value.tolist()
        if default is not None:
            return default(value)
        raise TypeError(
            f"{kind.__module__}.{kind.__qualname__} is not JSON serializable; "
            "pass default=, a function that turns it into something that is"
        )

    return convert


_NAMES = {None: "null", True: "true", False: "false"}

_encoder = msgspec.json.Encoder(enc_hook=_hook(None, _model_as_json))
_probe = msgspec.json.Encoder(enc_hook=lambda _: "")
encode = _encoder.encode
"""The engine as it is, for callers who know what to do when it refuses."""


def _plain(value: object, convert: Default, nan: Nan) -> object:  # noqa: PLR0911 - a table of types
    # Loops and not comprehensions: a comprehension is a second frame a level, and would halve the depth that fits.
    if value is None or value is True or value is False:
        return value
    if isinstance(value, Enum):
        return _plain(value.value, convert, nan)
    if isinstance(value, (str, int)):
        return value
    if isinstance(value, float):
        return value if _is_json(value, nan) else None
    if isinstance(value, dict):
        tree = {}
        for key, item in value.items():
            tree[_plain_key(key, convert, nan)] = _plain(item, convert, nan)
        return tree
    if isinstance(value, (list, tuple)):
        items = []
        for item in value:
            items.append(_plain(item, convert, nan))  # noqa: PERF401 - see above
        return items
    known = msgspec.to_builtins(value, enc_hook=convert)
    return _plain(known, convert, nan)


def _is_json(number: float, nan: Nan) -> bool:
    if nan == "error" and not isfinite(number):
        raise ValueError(f"{float(number)!r} is not JSON; pass nan='null' to send null for it")
    return isfinite(number)


def _plain_key(key: object, convert: Default, nan: Nan) -> str:
    """As msgspec writes it, which but for exponents is as `json.dumps` does where that takes the key."""
    if isinstance(key, Enum):
        return _plain_key(key.value, convert, nan)
    if isinstance(key, str):
        return str.__str__(key)
    if key is None or isinstance(key, bool):
        return _NAMES[key]
    if isinstance(key, int):
        return int.__repr__(key)
    if isinstance(key, float):
        _is_json(key, nan)
    names: dict[str, None] = msgspec.json.decode(msgspec.json.encode({key: None}, enc_hook=convert))
    return next(iter(names))
