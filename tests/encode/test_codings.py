"""The engines of content codings, and what `compress=` may be."""

import subprocess
import sys
from collections.abc import Callable
from importlib.util import module_from_spec, spec_from_file_location
from itertools import pairwise
from types import ModuleType
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.codings import DECODE, decoder

from rejoinder._compression import Compression, _installed, check_compress
from rejoinder._encode import brotli as brotli_coding
from rejoinder._encode import gzip as gzip_coding
from rejoinder._encode import zstd as zstd_coding
from rejoinder._http.etags import ETag, format_etag, recoded_etag


def without(missing: str, coding: ModuleType) -> ModuleType:
    """The same module, where this library is not installed."""
    spec = spec_from_file_location(f"without_{missing}", coding.__file__)
    assert spec is not None
    assert spec.loader is not None
    module = module_from_spec(spec)
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(sys.modules, missing, None)
        spec.loader.exec_module(module)
    return module


ENGINES: dict[str, ModuleType] = {
    "gzip": gzip_coding, "zlib": without("zlib_ng", gzip_coding),
    "br": brotli_coding, "brotlicffi": without("brotli", brotli_coding),
    "zstd": zstd_coding,
}  # fmt: skip
each_coding = pytest.mark.parametrize("coding", ENGINES)


def encode(coding: str, pieces: list[bytes], steps: list[str], *, level: int, size: int | None, padding: int) -> bytes:
    encoder = ENGINES[coding].Encoder(level, size, padding)
    coded = b"".join(getattr(encoder, step)(piece) for piece, step in zip(pieces, steps, strict=False))
    return coded + bytes(encoder.finish(pieces[-1]))


@each_coding
@given(data=st.data())
def test_what_goes_in_comes_out(coding: str, data: st.DataObject) -> None:
    pieces = data.draw(st.lists(st.binary(max_size=400) | st.just(b"abc" * 5000), min_size=1, max_size=6))
    steps = data.draw(st.lists(st.sampled_from(["add", "flush"]), min_size=len(pieces) - 1, max_size=len(pieces) - 1))
    whole = b"".join(pieces)
    level = data.draw(st.sampled_from([ENGINES[coding].LEVELS[0], ENGINES[coding].LEVEL, 6, 9]))
    size = data.draw(st.sampled_from([None, len(whole)]))
    padding = data.draw(st.integers(0, 256))
    coded = encode(coding, pieces, steps, level=level, size=size, padding=padding)
    assert DECODE[coding](coded) == whole


@each_coding
@pytest.mark.parametrize("size", [0, 1, 500, 1024, 60_000, 70_000, 1_100_000])
def test_sizes_about_those_at_which_something_changes(coding: str, size: int) -> None:
    content = (b"%d," * 7 % tuple(range(7)) * (size // 7 + 1))[:size]
    for known in (size, None):
        engine = ENGINES[coding]
        assert DECODE[coding](engine.Encoder(engine.LEVEL, known, 0).finish(content)) == content
        again = engine.Encoder(engine.LEVEL, known, 0)
        assert DECODE[coding](again.add(content) + again.finish(memoryview(b""))) == content


@each_coding
@pytest.mark.parametrize("padding", [0, 1, 100])
def test_a_flush_gives_all_there_was(coding: str, padding: int) -> None:
    encoder, decode = ENGINES[coding].Encoder(ENGINES[coding].LEVEL, None, padding), decoder(coding)
    for number in range(20):
        event = b"data: %d\n\n" % number
        coded = encoder.flush(event)
        assert decode(coded) == event
        assert len(coded) < 64 + padding


def window_of(frame: bytes) -> int:
    """What a decoder has to keep of a zstd frame (RFC 8878, 3.1.1.1)."""
    assert frame[:4] == bytes.fromhex("28b52ffd")
    flags, descriptor = frame[4], frame[5]
    if flags & 0b100000:  # a single segment: the window is the content, of this size
        length, least = ((1, 0), (2, 256), (4, 0), (8, 0))[flags >> 6]
        return int.from_bytes(frame[5 : 5 + length], "little") + least
    return (1 << 10 + (descriptor >> 3)) // 8 * (8 + (descriptor & 7))


@pytest.mark.parametrize("size", [None, 60_000, 70_000, 10**9])
def test_each_decoder_has_the_window_of_zstd(size: int | None) -> None:
    """RFC 9659, 3: 8 MiB; browsers refuse more."""
    for level in zstd_coding.LEVELS:
        begun = zstd_coding.Encoder(level, size, 0).flush(b"a")
        assert window_of(begun) <= 1024 * 1024


@each_coding
def test_padding_is_as_long_as_it_says_and_costs_what_it_must(coding: str) -> None:
    content, engine = b"secret=abc; " * 100, ENGINES[coding]
    lengths = [len(engine.Encoder(engine.LEVEL, len(content), padding).finish(content)) for padding in range(257)]
    assert [longer - shorter for shorter, longer in pairwise(lengths[1:])] == [1] * 255
    assert lengths[1] - lengths[0] <= 10


@each_coding
def test_encoders_do_not_share_what_they_know(coding: str) -> None:
    """Those of zstd are used again."""
    engine, first, second = ENGINES[coding], b"a secret " * 20, b"a secret of another " * 20
    alone = engine.Encoder(3, len(second), 0).finish(second)
    one, two = engine.Encoder(3, len(first), 0), engine.Encoder(3, len(second), 0)
    begun = one.add(first[:50])
    assert two.finish(second) == alone
    assert DECODE[coding](begun + one.finish(first[50:])) == first
    assert engine.Encoder(3, len(second), 0).finish(second) == alone


def test_the_engines_are_those_that_are_installed() -> None:
    assert ENGINES["gzip"].zlib.__name__ == "zlib_ng.zlib_ng"
    assert ENGINES["zlib"].zlib.__name__ == "zlib"
    assert ENGINES["brotlicffi"].brotli.__name__ == "brotlicffi"


@pytest.mark.parametrize(
    ("compress", "codings"),
    [
        (True, ("zstd", "br", "gzip")),
        ("gzip", ("gzip",)),
        (["br", "gzip", "br"], ("br", "gzip")),
        (("zstd",), ("zstd",)),
        (Compression(["gzip", "zstd"], minimum_size=0, padding=10), ("gzip", "zstd")),
    ],
)
def test_what_compress_may_be(compress: Any, codings: tuple[str, ...]) -> None:
    compression = check_compress(compress)
    assert compression is not None
    assert compression.codings == codings
    assert check_compress(False) is None


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: check_compress("deflate"), "'deflate' is none of the content codings"),  # type: ignore[arg-type]
        (lambda: check_compress(["gzip", 3]), "3 is none of the content codings"),  # type: ignore[list-item]
        (lambda: check_compress(None), "None is none of the content codings"),  # type: ignore[arg-type]
        (lambda: check_compress([]), "there is no coding to compress with"),
        (lambda: Compression(minimum_size=-1), "minimum_size must be a number of octets, .*; got -1"),
        (lambda: Compression(minimum_size="1"), "minimum_size must be a number of octets, .*; got '1'"),  # type: ignore[arg-type]
        (lambda: Compression(padding=257), "padding must be a number of octets, from 0 to 256; got 257"),
        (lambda: Compression(padding=1.5), "padding must be a number of octets, from 0 to 256; got 1.5"),  # type: ignore[arg-type]
        (lambda: Compression(levels={"gzip": 10}), "levels: gzip has 1 to 9, got 10"),
        (lambda: Compression(levels={"lzma": 1}), "'lzma' is none of the content codings"),  # type: ignore[dict-item]
    ],
)
def test_mistakes(make: Callable[[], object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        make()


@pytest.mark.parametrize(("coding", "modules"), [("br", "brotli brotlicffi"), ("zstd", "backports compression.zstd")])
def test_without_an_engine(coding: str, modules: str) -> None:
    code = (
        f"import sys\nfor name in {modules!r}.split(): sys.modules[name] = None\n"
        "from rejoinder import Response\n"
        "from rejoinder.middleware import Compression\n"
        f"assert Compression().codings == tuple(c for c in ('zstd', 'br', 'gzip') if c != {coding!r})\n"
        "Response('x', compress=True)\n"
        f"try: Response('x', compress=['gzip', {coding!r}])\n"
        f"""except ImportError as error: assert 'pip install "rejoinder[{coding}]"' in str(error), error\n"""
        "else: raise SystemExit('no error')"
    )
    subprocess.run([sys.executable, "-W", "error", "-c", code], check=True)


@pytest.mark.parametrize(("coding", "file"), [("br", "brotli"), ("zstd", "zstd")])
def test_an_engine_that_cannot_be_imported(coding: str, file: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(f"rejoinder._encode.{file}")
    monkeypatch.setitem(sys.modules, f"rejoinder._encode.{file}", None)
    assert coding not in _installed.__wrapped__()
    with pytest.raises(ImportError, match=rf'pip install "rejoinder\[{coding}\]"'):
        Compression(coding)  # type: ignore[arg-type]


def test_tags_of_codings_differ_from_each_other_and_from_those_of_files() -> None:
    assert (
        format_etag(recoded_etag(ETag(b"a"), b"br"))
        == format_etag(recoded_etag(ETag(b"a", weak=True), b"br"))
        == b'W/"a-br"'
    )
