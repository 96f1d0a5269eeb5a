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
from weakref import WeakKeyDictionary

import anyio
from anyio.lowlevel import checkpoint

clock = time.perf_counter  # not the event loop's: uvloop's counts whole milliseconds
MOMENT = 0.00025  # seconds for transfers in one round


class _Line:
    """Who waits for a turn. It is not empty if and only if the loop has been told to call `advance`."""

    def __init__(self) -> None:
        self.waiting: deque[asyncio.Future[None]] = deque()
        self.until = 0.0
        """When the transfers have had enough of this round."""

    def advance(self, loop: asyncio.AbstractEventLoop) -> None:
        """Let the first go who still waits, and come back in the next round if there are others."""
        waiting = self.waiting
        while waiting:
            first = waiting.popleft()
            if not first.done():  # not cancelled
                self.until = clock() + MOMENT
                first.set_result(None)
                break
        if waiting:
            loop.call_soon(self.advance, loop)


_lines: "WeakKeyDictionary[asyncio.AbstractEventLoop, _Line]" = WeakKeyDictionary()


async def turn() -> None:
    """Wait for the turn to take one step of a transfer. Trio, which has no such callbacks, lets all go on."""
    if anyio.get_cancelled_exc_class() is not asyncio.CancelledError:
        await checkpoint()
        return
    loop = asyncio.get_running_loop()
    line = _lines.get(loop)
    if line is None:
        line = _lines[loop] = _Line()
    if clock() < line.until:
        return
    if not line.waiting:
        loop.call_soon(line.advance, loop)
    turn_of_this = loop.create_future()
    line.waiting.append(turn_of_this)
    await turn_of_this
