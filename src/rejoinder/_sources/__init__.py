"""Ring 2, sources: where a representation's bytes come from.

A source is anything with an `open` that gives one version of a resource: its facts, gathered once, and its bytes by
position. The facts and the bytes must belong together, whatever happens to the name meanwhile: that is why opening
comes first and everything else is asked of what was opened.
"""

from typing import Protocol, runtime_checkable

from rejoinder._http.etags import ETag


class OpenSource(Protocol):
    """One version of a resource, open for reading; closed once by whoever opened it."""

    @property
    def size(self) -> int:
        """Octets."""
        ...

    @property
    def etag(self) -> ETag | None:
        """A validator of these bytes, or None."""
        ...

    @property
    def last_modified(self) -> float | None:
        """Seconds since the epoch, or None."""
        ...

    async def read(self, start: int, stop: int) -> bytes:
        """Some of the octets from `start`, `stop` at most; none only when there are no more.

        Raises:
            OSError: they can no longer be read, or are no longer those of this version.
        """
        ...

    async def aclose(self) -> None:
        """Releases what `open` took."""
        ...


@runtime_checkable
class Source(Protocol):
    """A resource that can be opened, again and again, also at the same time."""

    async def open(self) -> OpenSource:
        """Open it.

        Raises:
            FileNotFoundError: there is no such resource.
            OSError: it cannot be read.
        """
        ...
