"""JSON Lines: one JSON text a line, in UTF-8."""

from rejoinder._encode.json import encode_json

KEEPALIVE = b"\n"
"""A blank line, which readers skip."""

_LINE_ENDS = bytes.maketrans(b"\r\n", b"  ")


def encode_line(item: object) -> bytes:
    r"""The item as JSON without a line end in it; raises as `encode_json`.

    >>> encode_line({"text": "two\nlines"})
    b'{"text":"two\\nlines"}'
    """
    line = encode_json(item)
    # RFC 8259, 7: in strings, control characters are escaped. So line ends can only be white space between tokens,
    # in what was JSON before it came here (`msgspec.Raw`), and a space means the same.
    return line.translate(_LINE_ENDS) if b"\n" in line or b"\r" in line else line


class LinesEncoder:
    """Items to JSON Lines."""

    def begin(self) -> bytes:
        """Nothing."""
        return b""

    def encode(self, item: object) -> bytes:
        """One line."""
        return encode_line(item) + b"\n"

    def end(self) -> bytes:
        """Nothing."""
        return b""

    def fail(self, last: object) -> bytes:
        """One more line."""
        return self.encode(last)
