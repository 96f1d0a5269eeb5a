"""Calls that may block, done in a thread."""

from collections.abc import Callable
from typing import TypeVar

import anyio
import anyio.to_thread

from rejoinder._lifecycle import shielded

T = TypeVar("T")


async def in_thread(
    function: Callable[[], T],
    discard: Callable[[T], object] | None = None,
    limiter: "anyio.CapacityLimiter | None" = None,  # in quotes: AnyIO imports what it is asked for,
) -> T:
    """The result of a call that may block. Whoever is cancelled meanwhile still waits for its end.

    A thread cannot be cancelled. If its caller went on, a descriptor that it opens would have no owner, and one that it
    reads could be closed, and its number be another file's, under its hands. `discard` gets a result that comes too
    late to be returned. `limiter` is in place of the one that all share.
    """
    result: list[T] = []

    async def call() -> None:
        result.append(await anyio.to_thread.run_sync(function, limiter=limiter))

    try:
        await shielded(call)
    except BaseException:
        if discard is not None:
            for late in result:
                discard(late)
        raise
    return result[0]
