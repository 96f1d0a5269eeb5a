"""multipart/byteranges: RFC 9110, 14.6, and RFC 2046, 5.1."""

from email import message_from_bytes
from email.message import Message

import pytest

from rejoinder._http.byteranges import format_content_type, frame_parts
from rejoinder._http.ranges import Slice

CONTENT = b"0123456789"


def test_framing() -> None:
    """Octet by octet: a CRLF before every delimiter, the first one too."""
    assert frame_parts([Slice(8, 10), Slice(0, 2)], 10, b"text/plain", b"X") == (
        b"\r\n--X\r\nContent-Type: text/plain\r\nContent-Range: bytes 8-9/10\r\n\r\n",
        Slice(8, 10),
        b"\r\n--X\r\nContent-Type: text/plain\r\nContent-Range: bytes 0-1/10\r\n\r\n",
        Slice(0, 2),
        b"\r\n--X--\r\n",
    )


@pytest.mark.parametrize("content_type", [b"text/plain; charset=utf-8", b"application/x-thing", None])
def test_another_parser_reads_the_slices(content_type: bytes | None) -> None:
    """The standard library's parser of mail, which shares no code with this."""
    slices = [Slice(8, 10), Slice(0, 2), Slice(4, 5)]
    body = b"".join(
        part if isinstance(part, bytes) else CONTENT[part.start : part.stop]
        for part in frame_parts(slices, 10, content_type, b"a-b_c")
    )
    head = b"Content-Type: %s\r\n\r\n" % format_content_type(b"a-b_c")
    message = message_from_bytes(head + body)
    parts = [part for part in message.get_payload() if isinstance(part, Message)]
    assert not message.defects
    assert [part.get_payload(decode=True) for part in parts] == [b"89", b"01", b"4"]
    assert [part["content-range"] for part in parts] == ["bytes 8-9/10", "bytes 0-1/10", "bytes 4-4/10"]
    assert {part["content-type"] for part in parts} == {content_type and content_type.decode()}
