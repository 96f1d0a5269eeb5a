"""The gzip coding (RFC 1952).

With zlib of the standard library as the engine, or with zlib-ng, which takes two thirds of the time for the same size:
`pip install "rejoinder[gzip]"`.
"""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import zlib
else:
    try:
        from zlib_ng import zlib_ng as zlib
    except ImportError:
        import zlib

LEVELS = range(1, 10)
LEVEL = 6
INLINE = 32 * 1024
"""Octets that take about a millisecond: more are not for the event loop."""

_WITH_HEADER = 16 + zlib.MAX_WBITS
_FLAGS, _HEADER = 3, 10  # RFC 1952, 2.3: the octet with the flags, and the length of the header without optional fields
_COMMENT = 0b10000


class Encoder:
    """Encodes one content, piece by piece."""

    __slots__ = ("_compressor", "_padding")

    def __init__(self, level: int, size: int | None, padding: int) -> None:
        self._compressor = zlib.compressobj(level, zlib.DEFLATED, _WITH_HEADER)
        self._padding = padding

    def add(self, data: bytes | memoryview) -> bytes:
        """What is ready of it; the rest comes with the next."""
        return self._padded(self._compressor.compress(data))

    def flush(self, data: bytes | memoryview) -> bytes:
        """All of what was given until now."""
        return self._padded(self._compressor.compress(data) + self._compressor.flush(zlib.Z_SYNC_FLUSH))

    def finish(self, data: bytes | memoryview) -> bytes:
        """The rest, and the end."""
        return self._padded(self._compressor.compress(data) + self._compressor.flush())

    def _padded(self, coded: bytes) -> bytes:
        """With a comment in the header, which no reader looks at. zlib writes the header in one, with the first octets."""
        if not self._padding or not coded:
            return coded
        flags = bytes([coded[_FLAGS] | _COMMENT])
        comment = b"x" * self._padding + b"\0"
        self._padding = 0
        return b"".join((coded[:_FLAGS], flags, coded[_FLAGS + 1 : _HEADER], comment, coded[_HEADER:]))
