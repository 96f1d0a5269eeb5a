"""multipart/byteranges: RFC 9110 section 14.6, framed by RFC 2046 section 5.1."""

from collections.abc import Iterable

from rejoinder._http.ranges import Slice, format_content_range


def frame_parts(
    parts: Iterable[Slice], size: int, content_type: bytes | None, boundary: bytes
) -> tuple[bytes | Slice, ...]:
    r"""The content of a 206 with several ranges: what stands between the slices, and the slices themselves.

    `content_type` is that of the whole representation; None if a 200 would not have told it. The boundary must not
    occur in the content, and nobody who writes the content may be able to guess it.

    >>> frame_parts([Slice(0, 2)], 9, None, b"X")
    (b'\r\n--X\r\nContent-Range: bytes 0-1/9\r\n\r\n', Slice(start=0, stop=2), b'\r\n--X--\r\n')
    """
    described = b"" if content_type is None else b"Content-Type: %s\r\n" % content_type
    content: list[bytes | Slice] = []
    for part in parts:
        # The first delimiter has its CRLF as well, as from nginx and Apache; there are clients that look for it.
        content += [
            b"\r\n--%s\r\n%sContent-Range: %s\r\n\r\n" % (boundary, described, format_content_range(part, size)),
            part,
        ]
    return (*content, b"\r\n--%s--\r\n" % boundary)


def format_content_type(boundary: bytes) -> bytes:
    """The content-type of what `frame_parts` makes."""
    return b"multipart/byteranges; boundary=%s" % boundary
