"""Turns: how many transfers share one event loop with everything else.

Theory of operation. A transfer reads and sends in steps, and neither need wait: the page cache has the file, the socket
has room. If each of fifty downloads took one step whenever the loop comes round, whatever else is ready, a short answer
or a health check, would wait for fifty steps. So transfers stand in one line for each loop, and in each round of the
loop the first of them takes its step. The loop is never idle for that: while somebody stands in line, it comes round
again at once.
"""

import asyncio
from collections import deque
from typing import TypeAlias
from weakref import WeakKeyDictionary

import anyio
from anyio.lowlevel import checkpoint

_Line: TypeAlias = "deque[asyncio.Future[None]]"

# The line of a loop is not empty if and only if the loop has been told to call `_advance`.
_lines: "WeakKeyDictionary[asyncio.AbstractEventLoop, _Line]" = WeakKeyDictionary()


async def turn() -> None:
    """Wait for the turn to take one step of a transfer. Trio, which has no such callbacks, lets all go on."""
    if anyio.get_cancelled_exc_class() is not asyncio.CancelledError:
        await checkpoint()
        return
    loop = asyncio.get_running_loop()
    line = _lines.get(loop)
    if line is None:
        line = _lines[loop] = deque()
    if not line:
        loop.call_soon(_advance, loop, line)
    turn_of_this = loop.create_future()
    line.append(turn_of_this)
    await turn_of_this


def _advance(loop: asyncio.AbstractEventLoop, line: _Line) -> None:
    """Let the first go who still waits, and come back in the next round if there are others."""
    while line:
        first = line.popleft()
        if not first.done():  # not cancelled
            first.set_result(None)
            break
    if line:
        loop.call_soon(_advance, loop, line)
