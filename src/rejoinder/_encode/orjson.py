"""JSON, with orjson as the engine: `pip install "rejoinder[orjson]"`."""

import orjson

from rejoinder._encode.json import Default, Nan, hook, plain

# FastAPI's options.
_OPTIONS = orjson.OPT_NON_STR_KEYS | orjson.OPT_SERIALIZE_NUMPY


def encode_json(content: object, default: Default | None, nan: Nan) -> bytes:
    """The content as compact JSON in UTF-8.

    Raises:
        TypeError: a type that neither orjson nor `default` knows, an integer beyond 64 bits, a lone surrogate.
        ValueError: the content is circular or too deep, or has NaN where that is an error.
    """
    try:
        encoded = orjson.dumps(content, default=hook(default), option=_OPTIONS)
    except orjson.JSONEncodeError as error:
        if "ecursion limit" in str(error):
            raise ValueError(
                f"the content cannot be JSON: it contains itself, or is too deep for orjson ({error})"
            ) from None
        raise
    if nan == "error" and b"null" in encoded:  # orjson writes NaN as null
        plain(content, default, nan)
    return encoded
