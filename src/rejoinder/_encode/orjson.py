"""JSON, with orjson as the engine: `pip install "rejoinder[orjson]"`."""

import orjson

from rejoinder._encode.json import Default, Nan, check_depth, check_nan, hook, may_hide_nan, once, plain, too_deep

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
    # orjson 3.12 and 3.13 set no limit to the depth of tuples: at some 3,000 levels they write beyond their buffer, and
    # the process aborts.
    check_depth(content)
    default = once(default)
    try:
        encoded = orjson.dumps(content, default=hook(default), option=_OPTIONS)
    except orjson.JSONEncodeError as error:
        if isinstance(error.__cause__, RecursionError) or "ecursion limit" in str(error):
            raise too_deep("orjson allows") from None
        if error.__cause__ and str(error).startswith("Type is not"):  # what the hook raised, in its own words
            raise error.__cause__ from None
        raise
    if nan == "error" and may_hide_nan(encoded):
        plain(content, default, nan)
    return encoded
