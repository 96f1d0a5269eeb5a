"""How the tests undo content codings; who imports this is skipped where brotli or zstd is not installed."""

import gzip
import sys
import zlib
from collections.abc import Callable

import pytest

brotli = pytest.importorskip("brotli")
zstd = pytest.importorskip("compression.zstd" if sys.version_info >= (3, 14) else "backports.zstd")

DECODE: dict[str | None, Callable[[bytes], bytes]] = {
    "gzip": gzip.decompress,
    "zlib": gzip.decompress,
    "br": brotli.decompress,
    "brotlicffi": brotli.decompress,
    "zstd": zstd.decompress,
    None: bytes,
}


def decoder(coding: str) -> Callable[[bytes], bytes]:
    """Decodes piece by piece."""
    if coding in {"gzip", "zlib"}:
        return zlib.decompressobj(31).decompress
    decode: Callable[[bytes], bytes]
    decode = brotli.Decompressor().process if coding.startswith("br") else zstd.ZstdDecompressor().decompress
    return decode
