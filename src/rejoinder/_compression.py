"""Which codings there are, how hard their encoders work, and what `compress=` may be."""

import sys
from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from typing import Literal, Protocol, TypeAlias

Coding: TypeAlias = Literal["zstd", "br", "gzip"]
Codings: TypeAlias = bool | Coding | Sequence[Coding]

# In our order of preference: zstd takes a sixth to a half of the time of gzip for the same size; br makes the least of what is whole.
_CODINGS: tuple[Coding, ...] = ("zstd", "br", "gzip")
_MOST_PADDING = 256


class Encoder(Protocol):
    """Encodes one content, piece by piece; may be used in any thread, one at a time."""

    def add(self, data: bytes | memoryview, /) -> bytes:
        """What is ready of it; the rest comes with the next."""
        ...

    def flush(self, data: bytes | memoryview, /) -> bytes:
        """All of what was given until now."""
        ...

    def finish(self, data: bytes | memoryview, /) -> bytes:
        """The rest, and the end."""
        ...


class _NewEncoder(Protocol):
    def __call__(self, level: int, size: int | None, padding: int) -> Encoder: ...


class _Engine(Protocol):
    """A file of `_encode`."""

    @property
    def LEVELS(self) -> range: ...  # noqa: N802 - as the constants of a module
    @property
    def LEVEL(self) -> int: ...  # noqa: N802
    @property
    def INLINE(self) -> int: ...  # noqa: N802
    @property
    def Encoder(self) -> _NewEncoder: ...  # noqa: N802 - a class


class Compression:
    """How to compress: what `compress=` takes where a name is not enough. Make one, and share it.

    Args:
        codings: True for all whose engines are installed, the best first; the name of one, `"zstd"`, `"br"` or `"gzip"`;
            or a sequence of names, in the order of preference among those that a client likes as much (RFC 9110, 12.5.3).
        minimum_size: octets of content from which on it is worth the work; streams always are.
        levels: for some codings, how hard to work: gzip 1..9 (6 by default), br 0..11 (4), zstd 1..19 (3).
        padding: add up to so many octets that mean nothing, another number each time, to hide lengths (at most 256).

    Raises:
        ImportError: a coding that is named has no engine: `pip install "rejoinder[zstd]"`, `"rejoinder[br]"`.
        ValueError: no coding of that name, or none at all; a level or padding out of range; a negative size.

    >>> Compression("gzip", levels={"gzip": 9}).codings
    ('gzip',)
    """

    def __init__(
        self,
        codings: Literal[True] | Coding | Sequence[Coding] = True,
        *,
        minimum_size: int = 500,
        levels: Mapping[Coding, int] | None = None,
        padding: int = 0,
    ) -> None:
        self.codings: tuple[Coding, ...] = _installed() if codings is True else _named(codings)
        _check_octets("minimum_size", minimum_size, sys.maxsize)
        _check_octets("padding", padding, _MOST_PADDING)
        self.minimum_size = minimum_size
        self.padding = padding
        self.offered = tuple(coding.encode() for coding in self.codings)
        # No engines, which are modules: a response with this can be copied and pickled.
        self._levels = {coding.encode(): _engine(coding).LEVEL for coding in self.codings}
        for coding, level in (levels or {}).items():
            allowed = _engine(_checked(coding)).LEVELS
            if level not in allowed:
                raise ValueError(f"levels: {coding} has {allowed[0]} to {allowed[-1]}, got {level!r}")
            self._levels[coding.encode()] = level

    def encoder(self, coding: bytes, size: int | None, padding: int) -> tuple[Encoder, int]:
        """A new encoder for content of this size, None if nobody knows; and how many octets take it a millisecond."""
        engine = _named_engine(coding)
        return engine.Encoder(self._levels[coding], size, padding), engine.INLINE


def check_compress(compress: Codings | Compression) -> Compression | None:
    """What a caller passed as `compress`: None for False.

    Raises:
        ImportError: as `Compression`; so ValueError.

    >>> check_compress("gzip").codings
    ('gzip',)
    """
    if compress is False:
        return None
    return compress if isinstance(compress, Compression) else _shared(True if compress is True else _named(compress))


@cache  # there are few different ones, and they are asked for with each response
def _shared(codings: Literal[True] | tuple[Coding, ...]) -> Compression:
    return Compression(codings)


def _check_octets(name: str, given: object, most: int) -> None:
    if not isinstance(given, int) or isinstance(given, bool) or not 0 <= given <= most:
        raise ValueError(f"{name} must be a number of octets, from 0 to {most}; got {given!r}")


def _named(codings: object) -> tuple[Coding, ...]:
    names = codings if isinstance(codings, Iterable) and not isinstance(codings, str) else (codings,)
    checked: tuple[Coding, ...] = tuple(dict.fromkeys([_checked(name) for name in names]))
    if not checked:
        raise ValueError("there is no coding to compress with; pass True, or one or more of 'zstd', 'br' and 'gzip'")
    return checked


def _checked(name: object) -> Coding:
    for coding in _CODINGS:
        if coding == name:
            return coding
    raise ValueError(f"{name!r} is none of the content codings 'zstd', 'br' and 'gzip'; True is for all of them")


@cache
def _installed() -> tuple[Coding, ...]:
    there: list[Coding] = []
    for coding in _CODINGS:
        try:
            _engine(coding)
        except ImportError:
            continue
        there.append(coding)
    return tuple(there)


@cache  # to import takes its time, even again
def _named_engine(coding: bytes) -> _Engine:
    return _engine(_checked(coding.decode()))


def _engine(coding: Coding) -> _Engine:
    try:
        if coding == "zstd":
            from rejoinder._encode import zstd

            return zstd
        if coding == "br":
            from rejoinder._encode import brotli

            return brotli
    except ImportError as error:
        raise ImportError(f'the coding {coding} needs a package: pip install "rejoinder[{coding}]"') from error
    from rejoinder._encode import gzip

    return gzip
