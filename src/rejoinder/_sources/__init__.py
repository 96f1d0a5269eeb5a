"""Where a representation's bytes come from.

A source is anything whose `open` gives one version of a resource: its facts, gathered once, and its octets by position.
The two must belong together, whatever happens to the name meanwhile: that is why opening comes first, and everything
else is asked of what was opened.
"""

from collections.abc import Awaitable
from typing import Protocol, runtime_checkable

__all__ = ["Announced", "OpenSource", "Source"]


class OpenSource(Protocol):
    """One version of a resource, open for reading by one response.

    To one that has a method `expect(start, stop)` besides, it is announced which octets will be read: so that it can have
    them fetched at once from elsewhere, and no others.

    >>> def is_empty(opened: OpenSource) -> bool:
    ...     return opened.size == 0
    """

    @property
    def size(self) -> int:
        """How many octets there are to read."""
        ...

    @property
    def etag(self) -> str | None:
        """A validator of these very octets, as `"abc"` or `W/"abc"`; None if there is none (RFC 9110, 8.8.3)."""
        ...

    @property
    def last_modified(self) -> float | None:
        """When they were last changed, in seconds since 1970; None if nobody knows (RFC 9110, 8.8.2)."""
        ...

    async def read(self, start: int, stop: int) -> bytes:
        """One or more of the octets from `start` on, up to `stop`, which is excluded; none only if there are no more.

        Raises:
            OSError: they cannot be read, or are no longer those of this version. The connection is cut.
        """
        ...

    def close(self) -> Awaitable[None] | None:
        """Release what `open` took. Called once, however the response ended; may be a coroutine function."""
        ...


@runtime_checkable
class Announced(Protocol):
    """What an `OpenSource` may have besides.

    >>> class Prefetching:
    ...     def expect(self, start, stop):
    ...         self.fetching = range(start, stop)
    >>> isinstance(Prefetching(), Announced)
    True
    """

    def expect(self, start: int, stop: int) -> None:
        """Exactly these octets are read next, from the first to the last, unless the client leaves.

        Not called where one `read` asks for all of them.
        """
        ...


@runtime_checkable
class Source(Protocol):
    """A resource that can be opened again and again, also at the same time.

    >>> class Greeting:
    ...     size, etag, last_modified = 5, '"1"', None
    ...
    ...     async def open(self):
    ...         return self
    ...
    ...     async def read(self, start, stop):
    ...         return b"hello"[start:stop]
    ...
    ...     def close(self):
    ...         pass
    >>> isinstance(Greeting(), Source)
    True
    """

    async def open(self) -> OpenSource:
        """The current version.

        Raises:
            FileNotFoundError: there is none.
            OSError: it cannot be read.
        """
        ...
