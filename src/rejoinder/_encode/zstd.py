"""The zstd coding (RFC 8878).

With the standard library as the engine from Python 3.14 on, before that with the same code as a package:
`pip install "rejoinder[zstd]"`.
"""

import sys
from collections import deque

if sys.version_info >= (3, 14):
    from compression.zstd import CompressionParameter, ZstdCompressor
else:
    from backports.zstd import CompressionParameter, ZstdCompressor

LEVELS = range(1, 20)
LEVEL = 3
INLINE = 128 * 1024
"""Octets that take about a millisecond: more are not for the event loop."""

# The tables of level 3 are too large for a processor's cache, and JSON gets no smaller by them. Of a stream, which may be
# one of thousands that wait for something, an encoder has some 230 KiB in place of 800.
_SMALL = 64 * 1024
# For 10 KiB of content, the engine has tables of 200 KiB, and misses the processor's cache for a sixth of its time. These
# are about as long as what goes into them: a thousandth is lost of 10 KiB, a hundredth of 64. Who asks for more work than
# LEVEL gets the engine's.
_FEW: dict[int, int] = {CompressionParameter.hash_log: 13, CompressionParameter.chain_log: 13}
_WHOLE: dict[int, int] = {
    CompressionParameter.window_log: 20,
    CompressionParameter.hash_log: 16,
    CompressionParameter.chain_log: 15,
}
_STREAM: dict[int, int] = {
    CompressionParameter.window_log: 17,
    CompressionParameter.hash_log: 15,
    CompressionParameter.chain_log: 14,
}
# Encoders of small content that have done their work: to make one takes as long as to use it. Shared by all threads.
_spare: dict[int, deque[ZstdCompressor]] = {level: deque(maxlen=4) for level in LEVELS}
_MAGIC = (0x184D2A50).to_bytes(4, "little")


class Encoder:
    """Encodes one content, piece by piece."""

    __slots__ = ("_compressor", "_padding", "_spare")

    def __init__(self, level: int, size: int | None, padding: int) -> None:
        if size is not None and size <= _SMALL:
            try:
                self._compressor = _spare[level].pop()
            except IndexError:
                self._compressor = _compressor(level, _FEW if level <= LEVEL else {})
            self._spare: deque[ZstdCompressor] | None = _spare[level]
        else:
            self._spare = None
            self._compressor = _compressor(level, _STREAM if size is None else _WHOLE)
        self._compressor.set_pledged_input_size(size)  # without it, tables are made for the longest
        self._padding = padding

    def add(self, data: bytes | memoryview) -> bytes:
        """What is ready of it; the rest comes with the next."""
        return self._compressor.compress(data)

    def flush(self, data: bytes | memoryview) -> bytes:
        """All of what was given until now."""
        return self._compressor.compress(data, ZstdCompressor.FLUSH_BLOCK)

    def finish(self, data: bytes | memoryview) -> bytes:
        """The rest, and the end."""
        coded = self._compressor.compress(data, ZstdCompressor.FLUSH_FRAME)
        if self._spare is not None:
            self._spare.append(self._compressor)
            del self._compressor
        # At the end: some readers think that a content is one frame.
        return coded + _skippable(self._padding) if self._padding else coded


def _compressor(level: int, tables: dict[int, int]) -> ZstdCompressor:
    return ZstdCompressor(options={CompressionParameter.compression_level: level, **tables})


def _skippable(size: int) -> bytes:
    """A frame that readers skip (RFC 8878, 3.1.2)."""
    return _MAGIC + size.to_bytes(4, "little") + b"x" * size
