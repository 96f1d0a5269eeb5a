"""JSON, with orjson as the engine: `pip install "rejoinder[orjson]"`."""

from collections.abc import Iterable
from dataclasses import fields, is_dataclass
from typing import Any

import orjson

from rejoinder._encode.json import Default, Nan, check_nan, hook, may_hide_nan, once, plain, probe, too_deep

_DEEPEST = 1000
_MOST = 5_000_000

# FastAPI's options.
_OPTIONS = orjson.OPT_NON_STR_KEYS | orjson.OPT_SERIALIZE_NUMPY


def encode_json(content: object, default: Default | None, nan: Nan) -> bytes:
    """The content as compact JSON in UTF-8.

    Raises:
        TypeError: a type that neither orjson nor the table of `JSONResponse` nor `default` knows, an integer beyond 64
            bits, a lone surrogate.
        ValueError: the content is circular or too deep, or has NaN where that is an error.
    """
    check_nan(nan)
    _check_depth(content)
    default = once(default)
    convert = hook(default)

    def convert_and_check(value: object) -> object:
        converted = convert(value)
        _check_depth(converted)
        return converted

    try:
        encoded = orjson.dumps(content, default=convert_and_check, option=_OPTIONS)
    except orjson.JSONEncodeError as error:
        if isinstance(error.__cause__, RecursionError) or "ecursion limit" in str(error):
            raise too_deep("orjson allows") from None
        if error.__cause__ and str(error).startswith("Type is not"):  # what the hook raised, in its own words
            raise error.__cause__ from None
        raise
    if nan == "error" and may_hide_nan(encoded):
        plain(content, default, nan)
    return encoded


def _check_depth(content: object) -> None:
    """Refuse what is nested too deep for orjson, which 3.12 and 3.13 do not do themselves for tuples.

    At some thousands of levels they write beyond their buffer, and the process aborts; Python's own limit, from 3.12 on,
    is beyond that. Most content shows by its number of brackets that it cannot be that deep. The rest is looked at level
    by level: what msgspec could not follow may contain itself, so there is an end to that, too.
    """
    shown = probe(content)
    if shown is not None and shown.count(b"[") < _DEEPEST:
        return
    level, seen = [content], 0
    for _ in range(_DEEPEST):
        level = [inner for outer in level for inner in _inside(outer)]
        seen += len(level)
        if not level:
            return
        if seen > _MOST:
            break
    raise too_deep("orjson allows")


def _inside(outer: Any) -> Iterable[object]:
    """What orjson follows without asking."""
    if isinstance(outer, dict):
        return outer.values()
    if isinstance(outer, (list, tuple)):
        return outer
    if is_dataclass(outer):
        return [getattr(outer, field.name, None) for field in fields(outer)]
    return ()
