"""Turns: how many transfers share one event loop with everything else.

Theory of operation. A transfer reads and sends in steps, and neither need wait: the page cache has the file, the socket
has room. If each of fifty downloads took one step whenever the loop comes round, whatever else is ready, a short answer
or a health check, would wait for fifty steps. So transfers stand in one line for each loop, and in each round of the
loop the first of them goes on: for as many steps as fit into a moment that is too short to be noticed, since a round
costs as much as half a step. The loop is never idle for that: while somebody stands in line, it comes round again at
once.
"""

import asyncio
import time
from collections import deque
from collections.abc import Awaitable, Callable
from weakref import WeakKeyDictionary

import anyio
from anyio.lowlevel import checkpoint

clock = time.perf_counter  # not the event loop's: uvloop's counts whole milliseconds
MOMENT = 0.0005  # seconds for transfers in one round


class _Line:
    """Who waits for a turn. It is not empty if and only if the loop has been told to call `_advance`."""

    def __init__(self) -> None:
        self._waiting: deque[asyncio.Future[None]] = deque()
        self._until = 0.0  # when the transfers have had enough of this round

    async def turn(self) -> None:
        if clock() < self._until:
            return
        loop = asyncio.get_running_loop()
        if not self._waiting:
            loop.call_soon(self._advance, loop)
        turn_of_this = loop.create_future()
        self._waiting.append(turn_of_this)
        await turn_of_this

    def _advance(self, loop: asyncio.AbstractEventLoop) -> None:
        """Let the first go who still waits, and come back in the next round if there are others."""
        waiting = self._waiting
        while waiting:
            first = waiting.popleft()
            if not first.done():  # not cancelled
                self._until = clock() + MOMENT
                first.set_result(None)
                break
        if waiting:
            loop.call_soon(self._advance, loop)


# The loop is not to be kept alive by its line.
_lines: "WeakKeyDictionary[asyncio.AbstractEventLoop, _Line]" = WeakKeyDictionary()


def turns() -> Callable[[], Awaitable[None]]:
    """What a transfer calls, and awaits, before each further step. On trio, which has no such callbacks, all go on."""
    if anyio.get_cancelled_exc_class() is not asyncio.CancelledError:
        return checkpoint
    loop = asyncio.get_running_loop()
    line = _lines.get(loop)
    if line is None:
        line = _lines[loop] = _Line()
    return line.turn
