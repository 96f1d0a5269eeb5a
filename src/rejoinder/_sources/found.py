"""Files that were opened in order to find them, and the variants of a file that lie beside it."""

import sys
from collections.abc import Callable, Generator
from typing import NamedTuple

from rejoinder._http.negotiation import rank_codings
from rejoinder._sources.local import LocalFile, OpenFile
from rejoinder._sources.objectstore import FoundObject

# The extension that says how a file is coded, in our order of preference: by the size of the result.
_EXTENSIONS = {b"br": ".br", b"zstd": ".zst", b"gzip": ".gz"}
_CODINGS = tuple(_EXTENSIONS)


class FoundFile(LocalFile):
    """A file that is open already. Whoever opens it first takes what was opened; nobody does, once it is released."""

    def __init__(self, file: LocalFile, opened: OpenFile) -> None:
        self.path, self.root = file.path, file.root
        self._opened: OpenFile | None = opened

    def open_cached(self) -> OpenFile | None:
        """What was opened; for all but the first, as a `LocalFile` does."""
        opened, self._opened = self._opened, None
        return opened or super().open_cached()

    def release(self) -> None:
        """Close what nobody has taken. Also done for a response that is dropped without having been sent."""
        if self._opened is not None:
            self._opened.close()
            self._opened = None

    def __del__(self, ends: Callable[[], bool] = sys.is_finalizing) -> None:
        if not ends():  # when the interpreter ends, there may be nothing left to close it with
            self.release()


class FoundPath(str):
    """The path of a file that was found: a `str` as any other, which has the file with it.

    `relative` is its path seen from the directory in which it was found.
    """

    __slots__ = ("file", "relative")
    file: FoundFile | FoundObject
    relative: str

    @classmethod
    def of(cls, path: str, relative: str, file: FoundFile | FoundObject) -> "FoundPath":
        """The path, with the file."""
        found = cls(path)
        found.relative, found.file = relative, file
        return found


class Chosen(NamedTuple):
    """The file or a variant of it, the coding of that, and whether there was one to choose: the answer varies then."""

    opened: OpenFile
    coding: bytes | None
    had_choice: bool


async def open_variant(file: LocalFile, plain: OpenFile, accept: bytes | None) -> Chosen:
    """The best variant beside a file; if none is wanted, the file as it is. Whichever is not returned is closed."""
    choosing = _choose(file, plain, accept)
    step = next(choosing)
    while isinstance(step, LocalFile):
        try:
            variant = await step.open()
        except OSError:  # whatever is wrong with it: there is the file itself
            variant = None
        step = choosing.send(variant)
    return step


def open_cached_variant(file: LocalFile, plain: OpenFile, accept: bytes | None) -> Chosen | None:
    """The same, if the kernel knows in memory which there are; None where only a thread can find out."""
    choosing = _choose(file, plain, accept)
    step = next(choosing)
    while isinstance(step, LocalFile):
        try:
            if (variant := step.open_cached()) is None:
                return None
        except OSError:
            variant = None
        step = choosing.send(variant)
    return step


def _choose(
    file: LocalFile, plain: OpenFile, accept: bytes | None
) -> Generator[LocalFile | Chosen, OpenFile | None, None]:
    """Asks for the variants that matter, one by one, and is sent them open, or None where there is none; then it has chosen.

    A variant that is older than the file was made of something else, and counts as not there.
    """
    ranked = rank_codings(accept, _CODINGS)
    for coding in (*ranked, *(coding for coding in _CODINGS if coding not in ranked)):
        variant = yield LocalFile(file.path + _EXTENSIONS[coding], file.root)
        if variant is None:
            continue
        if variant.last_modified < plain.last_modified:
            variant.close()
        elif coding in ranked:
            plain.close()
            yield Chosen(variant, coding, had_choice=True)
        else:
            variant.close()
            yield Chosen(plain, None, had_choice=True)
    yield Chosen(plain, None, had_choice=False)
