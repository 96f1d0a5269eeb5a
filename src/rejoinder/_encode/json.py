"""JSON (RFC 8259), with msgspec as the engine.

msgspec writes what it knows at once. What it does not know it hands to a hook, where the types of other libraries are
turned into JSON's own. What it refuses and `json.dumps` takes (None and bool as keys, lone surrogates, subclasses of
`int` as keys) goes the slow way: `plain` makes a tree of JSON's own types, and the standard library writes that.
"""

import json
from collections.abc import Callable
from enum import Enum
from math import isfinite
from typing import Any, Literal, TypeAlias

import msgspec

Default: TypeAlias = Callable[[Any], Any]
Nan: TypeAlias = Literal["null", "error"]


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
    if nan not in {"null", "error"}:
        raise ValueError(f"nan must be 'null' or 'error', got {nan!r}")
    encoder = _encoder if default is None else msgspec.json.Encoder(enc_hook=_hook(default, _model_as_json))
    try:
        encoded = encoder.encode(content)
        # msgspec writes NaN as null and does not tell. Without a null, there was none.
        if nan == "null" or b"null" not in encoded:
            return encoded
    except RecursionError:
        raise _too_deep() from None
    except (TypeError, ValueError):
        pass
    tree = plain(content, default, nan)
    try:
        text = json.dumps(tree, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    except RecursionError:
        raise _too_deep() from None
    # A lone surrogate cannot be UTF-8; "\ud800" is how JSON writes it, and what this error handler makes of it.
    return text.encode("utf-8", "backslashreplace")


def plain(content: object, default: Default | None = None, nan: Nan = "null") -> object:
    """The content as a tree of dict (with `str` keys), list, str, int, float, bool and None; raises as `encode_json`."""
    try:
        return _plain(content, _hook(default, _model_as_tree), nan)
    except RecursionError:
        raise _too_deep() from None


def hook(default: Default | None) -> Default:
    """For engines that call back with what they do not know, and take JSON's own types in return."""
    return _hook(default, _model_as_tree)


def _too_deep() -> ValueError:
    return ValueError(
        "the content cannot be JSON: it contains itself, or is nested deeper than Python's recursion limit"
    )


def _model_as_json(model: Any) -> object:
    return msgspec.Raw(model.model_dump_json(by_alias=True))  # by_alias: what FastAPI sends for the same model


def _model_as_tree(model: Any) -> object:
    return model.model_dump(mode="json", by_alias=True)


def _hook(default: Default | None, dump_model: Default) -> Default:
    """Turns a value that the engine does not know into one that it does."""

    def convert(value: Any) -> Any:  # noqa: PLR0911 - a table
        kind = type(value)
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


_encoder = msgspec.json.Encoder(enc_hook=_hook(None, _model_as_json))
encode = _encoder.encode
"""The engine as it is, for callers who know what to do when it refuses."""


def _plain(value: object, convert: Default, nan: Nan) -> object:  # noqa: C901, PLR0911 - a table of types
    # Loops and not comprehensions: a comprehension is a second frame a level, and would halve the depth that fits.
    if value is None or value is True or value is False:
        return value
    if isinstance(value, Enum):
        return _plain(value.value, convert, nan)
    if isinstance(value, (str, int)):
        return value
    if isinstance(value, float):
        if isfinite(value):
            return value
        if nan == "error":
            raise ValueError(f"{value!r} is not JSON; pass nan='null' to send null for it")
        return None
    if isinstance(value, dict):
        tree = {}
        for key, item in value.items():
            tree[_plain_key(key, convert)] = _plain(item, convert, nan)
        return tree
    if isinstance(value, (list, tuple)):
        items = []
        for item in value:
            items.append(_plain(item, convert, nan))  # noqa: PERF401 - see above
        return items
    known = msgspec.to_builtins(value, enc_hook=convert, builtin_types=())
    return _plain(known, convert, nan)


def _plain_key(key: object, convert: Default) -> str:
    """As `json.dumps` writes it where that takes the key, as msgspec does elsewhere."""
    if isinstance(key, Enum):
        return _plain_key(key.value, convert)
    if isinstance(key, str):
        return str.__str__(key)
    if key is None or isinstance(key, bool):
        return {None: "null", True: "true", False: "false"}[key]
    if isinstance(key, int):
        return int.__repr__(key)
    if isinstance(key, float):
        key = float.__float__(key)
    (name,) = msgspec.to_builtins({key: None}, str_keys=True, enc_hook=convert)
    if isinstance(name, str):
        return name
    raise TypeError(f"JSON object names must be str, int, float, bool, None, or a type that becomes one, got {key!r}")
