"""JSON, with ujson as the engine: `pip install "rejoinder[ujson]"`."""

import ujson

from rejoinder._encode.json import Default, Nan, hook, plain


def encode_json(content: object, default: Default | None, nan: Nan) -> bytes:
    r"""The content as compact JSON in UTF-8, with "/" written as "\\/", as FastAPI's `UJSONResponse` does.

    Raises:
        TypeError: a type that neither ujson nor `default` knows.
        ValueError: the content is circular or too deep, or has NaN where that is an error.
    """
    try:
        text = _dumps(content, hook(default))
    except OverflowError:  # NaN, or content without end; `plain` tells which
        text = _dumps(plain(content, default, nan), None)
    return text.encode("utf-8", "backslashreplace")


def _dumps(content: object, default: Default | None) -> str:
    return ujson.dumps(content, ensure_ascii=False, allow_nan=False, default=default)
