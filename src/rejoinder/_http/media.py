"""Media types: RFC 9110 section 8.3."""

from functools import lru_cache

from rejoinder._http.fields import Field, encode_field


@lru_cache(maxsize=256)
def content_type(media_type: str, charset: str) -> Field:
    """The content-type field. `text/*` without a charset gets the class's, as Starlette does.

    Raises:
        TypeError: the media type is no text.
        ValueError: the media type has a character that no header can carry.

    >>> content_type("text/html", "utf-8")
    (b'content-type', b'text/html; charset=utf-8')
    """
    if not isinstance(media_type, str):
        raise TypeError(f"media_type must be a str, for example 'text/plain', got {media_type!r}")
    if media_type.startswith("text/") and "charset=" not in media_type.lower():
        media_type += "; charset=" + charset  # not an f-string: of an enum's member, that shows the name
    return encode_field("content-type", media_type)
