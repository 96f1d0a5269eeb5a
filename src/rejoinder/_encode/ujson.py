"""JSON, with ujson as the engine: `pip install "rejoinder[ujson]"`."""

import ujson

from rejoinder._encode.json import Default, Nan, check_nan, hook, may_hide_nan, once, plain, too_deep


def encode_json(content: object, default: Default | None, nan: Nan) -> bytes:
    r"""The content as compact JSON in UTF-8, with "/" written as "\\/", as FastAPI's `UJSONResponse` does.

    Raises:
        TypeError: a type that neither ujson nor the table of `JSONResponse` nor `default` knows.
        ValueError: the content is circular or too deep, or has NaN where that is an error.
    """
    check_nan(nan)
    default = once(default)
    try:
        try:
            text = _dumps(content, hook(default))
        except (OverflowError, TypeError):  # NaN, content without end, bytes, an unknown type; `plain` tells which
            text = _dumps(plain(content, default, nan), None)
    except (OverflowError, RecursionError):
        raise too_deep("ujson allows") from None
    encoded = text.encode("utf-8", "backslashreplace")
    if nan == "error" and may_hide_nan(encoded):
        plain(content, default, nan)
    return encoded


def _dumps(content: object, default: Default | None) -> str:
    return ujson.dumps(content, ensure_ascii=False, allow_nan=False, default=default)
