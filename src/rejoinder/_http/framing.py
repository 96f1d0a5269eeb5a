"""How method and status frame a message: RFC 9110 sections 6.4.1, 8.6, 9.3.2 and 15."""

from collections.abc import Collection

from rejoinder._http.fields import Field
from rejoinder._http.status import WITH_CONTENT


def check_length(fields: Collection[Field], body: bytes) -> None:
    """Refuse a content-length that lies: the reader would wait for ever, or take the rest for the next response.

    Raises:
        ValueError: it is not the length of the body, or there is more than one.
    """
    lengths = [value for name, value in fields if name == b"content-length"]
    if lengths and lengths != [b"%d" % len(body)]:
        raise ValueError(f"content-length is {b', '.join(lengths).decode()}, but the content has {len(body)} bytes")


def frame(
    method: str, status: int, fields: list[Field], body: bytes, implied: Collection[Field]
) -> tuple[list[Field], bytes]:
    """What goes out for this method and status: the header section and the content.

    `implied` are the fields that the response class gave of its own accord; where there is no content, they go with
    what they described.

    Raises:
        ValueError: the content-length is not that of the content.
    """
    # RFC 9112, 6.2: "A sender MUST NOT send a Content-Length header field in any message that contains a
    # Transfer-Encoding header field."
    if any(name == b"transfer-encoding" for name, _ in fields):
        fields = [field for field in fields if field[0] != b"content-length"]
    if status not in WITH_CONTENT:
        return _frame_without_content(status, fields, implied), b""
    # RFC 9110, 9.3.2: "The server SHOULD send the same header fields in response to a HEAD request as it would have
    # sent if the request method had been GET."
    if method == "HEAD":
        return fields, b""
    check_length(fields, body)
    return fields, body


def _frame_without_content(status: int, fields: list[Field], implied: Collection[Field]) -> list[Field]:
    kept = [field for field in fields if field not in implied]
    # RFC 9110, 8.6: "A server MUST NOT send a Content-Length header field in any response with a status code of 1xx
    # (Informational) or 204 (No Content)." A 304 may tell the length that the 200 would have had.
    if status != 304:  # noqa: PLR2004
        kept = [field for field in kept if field[0] not in {b"content-length", b"transfer-encoding"}]
    # 15.3.6: a zero content-length is how a 205 says that nothing follows.
    if status == 205:  # noqa: PLR2004
        kept.append((b"content-length", b"0"))
    return kept
