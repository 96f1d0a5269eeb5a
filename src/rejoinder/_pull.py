"""The source's side of a stream: opens the content, takes its items, encodes them, and closes it.

`Puller.run` is one coroutine for the whole of it, so everything of a source happens in one task: cancel scopes, timeouts
and context variables in an async generator work as they do in an `async for`. What is gathered is taken away by the
pump, in the same event loop, whenever it likes.

    content                                  items are taken                    and it is closed
    text, bytes, list, tuple, BytesIO        at once; nothing there can block   at once
    async iterable, file with async `read`   by `async for`                     by `aclose` or `close`, awaited
    feed of a channel, to events             by the pump itself, when told      at once
    any other iterable, file                 many at a time, in a thread        by `close`, in a thread
    context manager                          from what it yields                by its exit, told what ended it

A source is closed once, on every way out of `run`, and never while a thread is in it: a thread that is still busy when
the coroutine is given up closes the source itself when it comes back.
"""

import inspect
import io
import threading
from abc import ABC, abstractmethod
from collections.abc import (
    AsyncGenerator,
    AsyncIterable,
    AsyncIterator,
    Awaitable,
    Callable,
    Coroutine,
    Iterable,
    Iterator,
)
from contextlib import AbstractContextManager, AsyncExitStack, aclosing, nullcontext, suppress
from types import TracebackType
from typing import Any, Protocol, TypeVar

from rejoinder._encode.chunks import ChunkEncoder
from rejoinder._encode.sse import EventEncoder
from rejoinder._encode.stream import Encoder
from rejoinder._lifecycle import clock
from rejoinder._sources.threads import in_thread

T = TypeVar("T")

PORTION = 64 * 1024  # octets that are gathered, about, until the source has to wait for the pump
_PORTION_OF_A_THREAD = 4 * PORTION  # the same, of a source in a thread, where to go on costs more
TURN = 0.002  # seconds a source runs, about, before the other tasks of the loop get their turn
_STAY = 0.02  # seconds a source stays in a thread, about, before others that wait for one get it
_ONE_CHUNK = (str, bytes, bytearray, memoryview)
_IN_MEMORY = (list, tuple, io.BytesIO, io.StringIO)


class Surroundings(Protocol):
    """What a source runs in, as `_drive` has it for each kind of event loop."""

    def pause(self) -> Awaitable[object]:
        """Wait until what has been gathered is taken."""
        ...

    def shield(self) -> AbstractContextManager[object]:
        """Surrounds the awaits of closing."""
        ...

    def gathered(self) -> None:
        """Told that there is something where nothing was."""
        ...

    def notice(self) -> None:
        """The same, from a thread."""
        ...

    def in_thread(self, function: Callable[[], T], /) -> Awaitable[T]:
        """The result of a call that may block; waits for its end also when it is cancelled."""
        ...


class Feed(ABC):
    """A source that is not asked for items, but tells that it has some: nothing is resumed to get them.

    Its items are server-sent events as they are on the wire.
    """

    __slots__ = ()

    @abstractmethod
    async def open(self, tell: Callable[[], None]) -> None:
        """Begin. From then on, `tell` is called when there is something where nothing was."""

    @property
    @abstractmethod
    def has_events(self) -> bool:
        """Whether there is something to take."""

    @abstractmethod
    def take(self) -> bytes:
        """All events that there are."""

    @abstractmethod
    async def wait_over(self) -> None:
        """Wait until there will be no more events, but for those that there are."""

    @abstractmethod
    def leave(self) -> None:
        """End. What there is can still be taken."""


def check_content(content: object) -> None:
    """Refuse what cannot be streamed.

    Raises:
        TypeError: it is no iterable, no file, and no context manager that could yield one.
    """
    if not (_is_source(content) or _is_manager(content)):
        raise TypeError(
            "the content of a stream must be an iterable or async iterable, a file, str, bytes, or a context manager "
            f"that yields one of these; got {type(content).__name__}"
        )


class Puller:
    """Gathers the encoded items of one content.

    Args:
        content: what is sent.
        owned: what else is to be closed, after it.
        encoder: for its items; called in the thread in which they are taken.
        where: in what the source runs.
    """

    __slots__ = (
        "_content",
        "_encode",
        "_feed",
        "_given",
        "_owned",
        "_parts",
        "_sends_events",
        "_taken",
        "_verbatim",
        "empty_items",
        "opaque",
        "quiet_until",
        "stopped",
        "turn_ends",
        "where",
    )
    where: Surroundings

    def __init__(self, content: object, owned: Iterable[object], encoder: Encoder) -> None:
        self._content = content
        self._owned = tuple(owned)
        self._encode = encoder.encode
        self._sends_events = isinstance(encoder, EventEncoder)
        self._verbatim = isinstance(encoder, (ChunkEncoder, EventEncoder))  # bytes are sent as they are
        self._feed: Feed | None = None
        self._parts: list[bytes] = []
        # Of octets; their difference is what is gathered. Each has one writer, which may be a thread, so there is no lock.
        self._given = self._taken = 0
        self.empty_items = 0
        self.turn_ends = 0.0
        self.stopped = False
        self.quiet_until = 0.0  # until then, a thread need not tell that there is something
        self.opaque = False  # nothing tells whether the source works or waits

    @property
    def has_gathered(self) -> bool:
        """Whether there is something to take."""
        return bool(self._parts) or (self._feed is not None and self._feed.has_events)

    def take(self) -> bytes:
        """What has been gathered."""
        if self._feed is not None:
            return self._feed.take()
        parts, data = self._parts, b""
        # Until it is found empty: a thread that adds to what is there tells nobody.
        while count := len(parts):
            more = parts[0] if count == 1 else b"".join(parts[:count])
            del parts[:count]
            data = data + more if data else more
        self._taken += len(data)
        return data

    def run(self) -> Coroutine[Any, Any, None]:
        """Take all items, then close; or only close, if `stopped` is set before it is started."""
        content = self._content
        if self._owned or not _is_async(content):
            return self._run()
        # What most streams are, without the coroutines around it, which each idle one would keep.
        if self._sends_events and isinstance(content, Feed):
            return self._pull_feed(content)
        return self._pull_async(content)

    async def _run(self) -> None:
        try:
            if not self.stopped:
                await self._pull(self._content)
            elif _is_source(self._content):
                await self._close(self._content)
        finally:
            if self._owned:
                await self._close_owned()

    async def _close_owned(self) -> None:
        """Each, also if one before it fails."""
        async with AsyncExitStack() as stack:
            for owned in reversed(self._owned):
                stack.push_async_callback(self._close, owned)

    async def _pull(self, content: object) -> None:
        if not _is_source(content):
            check_content(content)
            self.opaque = self.opaque or not hasattr(content, "__aenter__")
            async with _Managed(content, self.where.in_thread, self.where.shield) as inner:
                await self._pull(inner)
        elif isinstance(content, _ONE_CHUNK):
            self._put(self._encode(content))
        elif isinstance(content, _IN_MEMORY):
            await self._pull_ready(content)
        elif self._sends_events and isinstance(content, Feed):
            await self._pull_feed(content)
        elif _is_async(content):
            await self._pull_async(content)
        else:
            await self._pull_in_threads(content)

    def _put(self, data: bytes) -> bool:
        """Whether there was nothing before, and now is."""
        if not data:
            self.empty_items += 1
            return False
        self._given += len(data)
        self._parts.append(data)
        return len(self._parts) == 1

    def _has_portion(self) -> bool:
        return self._given - self._taken >= PORTION

    async def _pull_ready(self, source: object) -> None:
        try:
            for item in _items(source):
                if self._put(self._encode(item)):
                    self.where.gathered()
                if self._has_portion() or clock() >= self.turn_ends:
                    await self.where.pause()
        finally:
            await self._close(source)

    async def _pull_feed(self, feed: Feed) -> None:
        try:
            if self.stopped:
                return
            await feed.open(self.where.gathered)
            self._feed = feed
            if feed.has_events:  # from the start, of which it does not tell
                self.where.gathered()
            await feed.wait_over()
        finally:
            feed.leave()

    async def _pull_async(self, source: object) -> None:
        iterator = source
        try:
            if self.stopped:
                return
            iterator = _async_items(source)
            parts, encode, verbatim, size = self._parts, self._encode, self._verbatim, 0
            async for item in iterator:
                data = item if verbatim and type(item) is bytes else encode(item)
                if not data:
                    self.empty_items += 1
                elif parts:
                    parts.append(data)
                    size += len(data)
                else:
                    parts.append(data)
                    size = len(data)
                    self.where.gathered()
                del item, data  # not kept by a stream that waits
                if size >= PORTION or clock() >= self.turn_ends:
                    await self._pause_at_a_yield(iterator)
                    if self.stopped:
                        return  # it was told so by a cancellation, and went on
        finally:
            try:
                if iterator is not source:
                    await self._close(iterator)
            finally:
                if getattr(source, "ag_frame", source) is not None:  # a generator without a frame is closed
                    await self._close(source)

    async def _pause_at_a_yield(self, iterator: AsyncIterator[object]) -> None:
        try:
            await self.where.pause()
        except BaseException as cancelled:
            if self.stopped or isinstance(cancelled, GeneratorExit) or not isinstance(iterator, AsyncGenerator):
                raise
            # It may be by a scope or a timeout that the source is in the midst of. That has to be told of it; and raises it
            # again, if it is not its own.
            with suppress(StopAsyncIteration):
                if self._put(self._encode(await iterator.athrow(cancelled))):
                    self.where.gathered()

    async def _pull_in_threads(self, source: object) -> None:
        self.opaque = True
        threaded = _Threaded(source, self._fill)
        try:
            while await self.where.in_thread(threaded.fill):
                await self.where.pause()
        finally:
            if threaded.leave():
                with self.where.shield():
                    await self.where.in_thread(threaded.close)

    def _fill(self, items: Iterator[object]) -> bool:
        """In a thread: take items until there is a portion, or it is time. Whether there may be more."""
        stopped = self.stopped  # by another thread, so that it may not be so below
        if stopped:
            return True
        parts, encode, verbatim, until = self._parts, self._encode, self._verbatim, clock() + _STAY
        given = self._given
        for item in items:
            data = item if verbatim and type(item) is bytes else encode(item)
            if data:
                given += len(data)
                parts.append(data)
            else:
                self.empty_items += 1
            # Added first, and then looked at the clock: what is there before `quiet_until` is found without a notice.
            now = clock()
            if data and now >= self.quiet_until and len(parts) == 1:
                self.where.notice()
            if self.stopped or given - self._taken >= _PORTION_OF_A_THREAD or now >= until:
                self._given = given
                return True
        return False

    async def _close(self, source: Any) -> None:
        if can_be_closed(source):
            with self.where.shield():
                await close(source, self.where.in_thread)


def can_be_closed(source: object) -> bool:
    """Whether there is anything to close."""
    return not isinstance(source, _ONE_CHUNK) and (hasattr(source, "aclose") or hasattr(source, "close"))


async def close(source: Any, in_thread: Callable[[Callable[[], Any]], Awaitable[Any]]) -> None:
    """Close a source in the way that it has; one that is not async, in a thread, where it may have to wait."""
    if hasattr(source, "aclose"):
        await _aclose(source)
    elif _is_async(source) or isinstance(source, _IN_MEMORY):
        closing: object = source.close()  # pyright: ignore[reportAttributeAccessIssue] - who calls has asked for it
        if inspect.isawaitable(closing):
            await closing
    else:
        await in_thread(source.close)


async def _aclose(source: Any) -> None:
    try:
        await source.aclose()
    except BaseExceptionGroup as group:
        # A task group in a generator makes a group of the GeneratorExit that closes it.
        _, failures = group.split(GeneratorExit)
        if failures is not None:
            raise failures from None


async def iterate(content: object, encoder: Encoder | None) -> AsyncGenerator[object, None]:
    """The items of a content, one by one, for who sends them himself; with an encoder, their octets."""
    if not _is_source(content):
        async with _Managed(content, in_thread, nullcontext) as inner, aclosing(iterate(inner, encoder)) as items:
            async for item in items:
                yield item
        return
    encode: Callable[[object], object] = _itself
    if encoder is not None:
        encode = encoder.encode
        yield encoder.begin()
    if isinstance(content, _ONE_CHUNK):
        yield encode(content)
    elif _is_async(content):
        async for item in _async_items(content):
            yield encode(item)
    else:
        end = object()
        iterator = await in_thread(lambda: _items(content))
        while (item := await in_thread(lambda: next(iterator, end))) is not end:
            yield encode(item)
    if encoder is not None:
        yield encoder.end()


class _Threaded:
    """A source that is iterated in threads, and closed when none is in it."""

    def __init__(self, source: Any, fill: Callable[[Iterator[object]], bool]) -> None:
        self._source = source
        self._fill = fill
        self._items: Any = None
        self._lock = threading.Lock()
        self._busy = False
        self._left = False

    def fill(self) -> bool:
        """Take items. Whether there may be more; if not, the source is closed."""
        with self._lock:
            if self._left:
                return False
            self._busy = True
        more = False
        try:
            if self._items is None:
                self._items = _items(self._source)
            more = self._fill(self._items)
        finally:
            with self._lock:
                self._busy = False
                closing = not more or self._left
                self._left = closing
            if closing:
                self.close()
        return more

    def leave(self) -> bool:
        """Take no more. Whether the source is to be closed now: if a thread is in it, that does so when it comes back."""
        with self._lock:
            closing = not self._left and not self._busy
            self._left = True
        return closing

    def close(self) -> None:
        try:
            if self._items is not self._source and hasattr(self._items, "close"):
                self._items.close()
        finally:
            if hasattr(self._source, "close"):
                self._source.close()


class _Managed:
    """A context manager of either kind; one that is not async is entered and left in a thread."""

    def __init__(
        self,
        manager: object,
        in_thread: Callable[[Callable[[], Any]], Awaitable[Any]],
        shield: Callable[[], AbstractContextManager[object]],
    ) -> None:
        self._manager: Any = manager
        self._in_thread = in_thread
        self._shield = shield
        self._is_async = hasattr(manager, "__aenter__")

    async def __aenter__(self) -> object:
        if self._is_async:
            return await self._manager.__aenter__()
        entered: list[object] = []
        try:
            await self._in_thread(lambda: entered.append(self._manager.__enter__()))
        except BaseException as error:
            if entered:  # and cancelled meanwhile
                await self.__aexit__(type(error), error, error.__traceback__)
            raise
        return entered[0]

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> bool:
        with self._shield():
            if self._is_async:
                return bool(await self._manager.__aexit__(kind, error, traceback))
            return bool(await self._in_thread(lambda: self._manager.__exit__(kind, error, traceback)))


def _itself(item: object) -> object:
    return item


def _is_source(content: object) -> bool:
    return isinstance(content, (AsyncIterable, Iterable)) or hasattr(content, "read")


def _is_manager(content: object) -> bool:
    return hasattr(content, "__aenter__") or hasattr(content, "__enter__")


def _is_async(source: object) -> bool:
    return isinstance(source, AsyncIterable) or inspect.iscoroutinefunction(getattr(source, "read", None))


def _items(source: Any) -> Iterator[object]:
    """The items of a source; a file has lines for those who iterate it, which may be a byte or a gigabyte long."""
    return _blocks(source) if hasattr(source, "read") else iter(source)


def _async_items(source: Any) -> AsyncIterator[object]:
    return _async_blocks(source) if hasattr(source, "read") else aiter(source)


def _blocks(file: Any) -> Iterator[object]:
    while block := file.read(PORTION):
        yield block


async def _async_blocks(file: Any) -> AsyncIterator[object]:
    while block := await file.read(PORTION):
        yield block
