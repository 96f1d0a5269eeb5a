"""Files that were opened in order to find them, and the variants of a file that lie beside it."""

import sys
from collections.abc import Callable

from rejoinder._http.negotiation import rank_codings
from rejoinder._sources.local import LocalFile, OpenFile
from rejoinder._sources.objectstore import FoundObject

# The extension that says how a file is coded, in our order of preference: by the size of the result.
_EXTENSIONS = {b"br": ".br", b"zstd": ".zst", b"gzip": ".gz"}
_CODINGS = tuple(_EXTENSIONS)


class FoundFile(LocalFile):
    """A file that is open already. Whoever opens it first takes what was opened; nobody does, once it is released."""

    def __init__(self, file: LocalFile, opened: OpenFile) -> None:
        super().__init__(file.path, file.root)
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


async def open_variant(file: LocalFile, plain: OpenFile, accept: bytes | None) -> tuple[OpenFile, bytes | None, bool]:
    """The best variant beside a file, its coding, and whether there is any: if none is wanted, the file as it is.

    A variant that is older than the file was made of something else, and counts as not there. Whichever of the two is
    not returned is closed.
    """
    ranked = rank_codings(accept, _CODINGS)
    for coding in ranked:
        if variant := await _open_fresh(file, plain, coding):
            plain.close()
            return variant, coding, True
    for coding in [coding for coding in _CODINGS if coding not in ranked]:
        if variant := await _open_fresh(file, plain, coding):
            variant.close()
            return plain, None, True
    return plain, None, False


async def _open_fresh(file: LocalFile, plain: OpenFile, coding: bytes) -> OpenFile | None:
    path = LocalFile(file.path + _EXTENSIONS[coding], file.root)
    try:
        variant = path.open_cached() or await path.open()
    except OSError:  # whatever is wrong with it: there is the file itself
        return None
    if variant.last_modified < plain.last_modified:
        variant.close()
        return None
    return variant
