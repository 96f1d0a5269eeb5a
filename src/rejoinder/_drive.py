"""What a stream runs on: its source and its sending, side by side, in one event loop.

The source must not wait for the sending of what it gave, nor what it gave for the source; and when the client leaves,
both have to stop wherever they are. There are two ways to have that.

`Stepped`, on asyncio, costs no task. A coroutine is an iterator: `send(None)` runs it up to where it waits, and returns
the future it waits for, which asyncio's `Task` would then wait for. Here the task of the request does so itself, for
that future or for whatever else may happen: a timer, a client that left, a shutdown. Meanwhile it is free to send, and
what has been gathered leaves at the very moment in which the source begins to wait. The source sees no difference: it
runs in one task, is cancelled as that task is cancelled, and `Task.cancel` cancels what it waits for.

`Child`, on any other loop, runs the source in a task of its own.

Both own what waits for the client to leave. They end all of it: the source is told by a
cancellation, is let do its clean-up whoever else cancels meanwhile, and is given up after `CLOSING` seconds.
"""

from collections.abc import Awaitable, Callable, Coroutine
from types import TracebackType
from typing import Any, Protocol, Self

from starlette.types import Receive

from rejoinder._send import client_leaves

CLOSING = 5.0  # seconds for a source to close
HURRY = 1.0  # seconds for what is being sent, when the process is told to stop


class Watcher(Protocol):
    """Who wants to know when the client leaves."""

    def client_left(self, error: Exception | None) -> None:
        """It has; or `receive` raised this."""
        ...


class Drive(Protocol):
    """Runs a source and what is sent; the methods are called by one task, the one that entered it."""

    interrupted: bool
    error: Exception | None

    @property
    def ended(self) -> bool:
        """Whether the source has ended; `error` tells what it raised."""
        ...

    @property
    def waits(self) -> bool:
        """Whether the source is known to wait for something, and has nothing to be taken."""
        ...

    def now(self) -> float:
        """The time of the event loop."""
        ...

    async def advance(self) -> None:
        """Let the source run, until it waits, has gathered a portion, or its turn is over."""
        ...

    def wait(self, until: float) -> Awaitable[None]:
        """Wait for the source, if `waits` says that it does, not longer than that; or until `wake` is called."""
        ...

    async def send(self, sending: Coroutine[Any, Any, None], until: float, when_stuck: Callable[[], None]) -> bool:
        """Await it; but not longer than that, nor when this is interrupted. Whether it was done.

        `when_stuck` is called, once or never, before it is waited for long.
        """
        ...

    def watch(self, receive: Receive, watcher: Watcher) -> None:
        """Tell it when the client leaves, unless this ends before; which may be at once."""
        ...

    def wake(self) -> None:
        """Have `wait` return."""
        ...

    def interrupt(self) -> None:
        """Have `wait` and `send` return, now and later."""
        ...

    def hurry(self) -> None:
        """Have `wait` return, and `send` soon."""
        ...

    async def stop(self) -> None:
        """End the source; nothing is raised for what it does then, but a cancellation of the caller."""
        ...

    async def __aenter__(self) -> Self: ...

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None: ...


async def listen(receive: Receive, watcher: Watcher) -> None:
    """Tell it when the client leaves."""
    failure: Exception | None = None
    try:
        await client_leaves(receive)
    except Exception as error:  # noqa: BLE001 - raised by the stream's task
        failure = error
    watcher.client_left(failure)
