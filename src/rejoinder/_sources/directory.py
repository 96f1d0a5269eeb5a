"""Directories of this machine: what is in them, beneath a root or not at all."""

import os
import stat
from collections.abc import Iterator

from rejoinder._sources.local import _NO_SUCH_FILE, LocalFile, _encode, _resolve


class LocalDirectory(LocalFile):
    """The directory at `path`, found as a `LocalFile` is. All of it blocks, so it is for a thread."""

    def entries(self) -> Iterator[tuple[str, os.stat_result]]:
        """The names of the files and directories in it, and the facts of what they lead to; none if it is not there.

        A link out of the root, or to nowhere, is left out, as are devices and the like: nobody could open them.

        Raises:
            OSError: it cannot be read.
        """
        try:
            place = self._place()
        except OSError as error:
            if error.errno not in _NO_SUCH_FILE:
                raise
            return
        try:
            with os.scandir(place) as found:
                for entry in found:
                    facts = self._facts(entry)
                    if facts is not None and (stat.S_ISREG(facts.st_mode) or stat.S_ISDIR(facts.st_mode)):
                        yield entry.name, facts
        except NotADirectoryError:
            return
        finally:
            if isinstance(place, int):
                os.close(place)

    def _place(self) -> int | str:
        """What to read: a descriptor, which stays where it is whatever happens to the name, where that can be read."""
        path = _encode(self.path)
        if os.scandir in os.supports_fd:
            return self._open_waiting(path)
        return self.path if self.root is None else os.fsdecode(os.path.join(*_resolve(self.root, path)))  # noqa: PTH118 - bytes

    def _facts(self, entry: "os.DirEntry[str]") -> os.stat_result | None:
        try:
            if self.root is None or not entry.is_symlink():
                return entry.stat()
            descriptor = self._open_waiting(os.fsencode(os.path.join(self.path, entry.name)))  # noqa: PTH118
        except OSError:
            return None
        try:
            return os.fstat(descriptor)
        finally:
            os.close(descriptor)
