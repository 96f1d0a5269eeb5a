"""Broadcast as it is written by hand: a queue a client."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Generic, TypeVar

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

T = TypeVar("T")


class QueueHub(Generic[T]):
    """Puts what is published into the queue of each client; `make` is called once for all of them."""

    def __init__(self, make: Callable[[object], T]) -> None:
        self._make = make
        self._queues: set[asyncio.Queue[T]] = set()

    async def publish(self, content: object) -> None:
        made = self._make(content)
        for queue in self._queues:
            queue.put_nowait(made)
        await asyncio.sleep(0)

    async def subscribe(self) -> AsyncIterator[T]:
        queue: asyncio.Queue[T] = asyncio.Queue()
        self._queues.add(queue)
        try:
            while True:
                yield await queue.get()
        finally:
            self._queues.discard(queue)


async def one_and_wait(item: T) -> AsyncIterator[T]:
    """What an idle client is sent: an event, and nothing more."""
    yield item
    await asyncio.Event().wait()
