"""The br coding (RFC 7932), with brotli, or brotlicffi on PyPy, as the engine: `pip install "rejoinder[br]"`."""

try:
    import brotli  # pyright: ignore[reportMissingTypeStubs]
except ImportError:
    import brotlicffi as brotli  # pyright: ignore[reportMissingImports, reportMissingTypeStubs]

LEVELS = range(12)
LEVEL = 4
INLINE = 32 * 1024
"""Octets that take about a millisecond: more are not for the event loop."""

_SMALLEST_WINDOW, _LARGEST_WINDOW = 17, 20  # below, the engine has other tables, which are slow to set up


class Encoder:
    """Encodes one content, piece by piece."""

    __slots__ = ("_compressor", "_padding")

    def __init__(self, level: int, size: int | None, padding: int) -> None:
        window = _SMALLEST_WINDOW  # of a stream, of which there may be thousands
        if size is not None:
            window = min(max(size.bit_length(), _SMALLEST_WINDOW), _LARGEST_WINDOW)
        self._compressor = brotli.Compressor(quality=level, lgwin=window)
        self._padding = padding

    def add(self, data: bytes | memoryview) -> bytes:
        """What is ready of it; the rest comes with the next."""
        return bytes(self._compressor.process(bytes(data)))  # brotlicffi takes no memoryview

    def flush(self, data: bytes | memoryview) -> bytes:
        """All of what was given until now."""
        return bytes(self._compressor.process(bytes(data)) + self._compressor.flush())

    def finish(self, data: bytes | memoryview) -> bytes:
        """The rest, and the end."""
        if not self._padding:
            return bytes(self._compressor.process(bytes(data)) + self._compressor.finish())
        return self.flush(data) + _metadata(self._padding) + bytes(self._compressor.finish())


def _metadata(size: int) -> bytes:
    """A block that readers skip, of up to 256 octets; for where the octets before are whole, as after a flush.

    RFC 7932, 9.2, from the lowest bit on: ISLAST 0; MNIBBLES 11, "metadata"; reserved 0; MSKIPBYTES 01, one octet of
    MSKIPLEN - 1; then zeros to the end of the octet.
    """
    return (0b01_0_11_0 | size - 1 << 6).to_bytes(2, "little") + b"x" * size
