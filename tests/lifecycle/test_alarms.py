"""Alarms: one timer for all that are due at about the same time; and a server's own `receive`, without a task."""

import asyncio
from collections.abc import AsyncIterator

from rejoinder import StreamingResponse
from rejoinder._alarms import alarm_at
from rejoinder.testing import run


class Sleeper:
    def __init__(self) -> None:
        self.rung = 0.0

    def ring(self) -> None:
        self.rung = asyncio.get_running_loop().time()


def test_those_that_are_near_are_exact_and_others_share_a_tick() -> None:
    async def main() -> None:
        loop = asyncio.get_running_loop()
        start = loop.time()
        near, one, other, gone = Sleeper(), Sleeper(), Sleeper(), Sleeper()
        alarm_at(start + 0.3, loop, near)
        first = alarm_at(start + 15.001, loop, one)
        assert alarm_at(start + 15.002, loop, other) is first
        alarm_at(start + 20, loop, gone).forget(gone)
        await asyncio.sleep(30)
        assert abs(near.rung - start - 0.3) < 1e-6
        assert one.rung == other.rung
        assert 15.002 <= one.rung - start <= 15.03
        assert gone.rung == 0

    run(main, backend="asyncio")


def test_a_client_that_leaves_is_noticed_by_the_receive_of_a_server() -> None:
    closed: list[bool] = []

    async def items() -> AsyncIterator[bytes]:
        try:
            yield b"a"
            await asyncio.sleep(1000)
        finally:
            closed.append(True)

    async def main() -> None:
        messages: asyncio.Queue[dict[str, object]] = asyncio.Queue()
        messages.put_nowait({"type": "http.request", "body": b"", "more_body": False})

        async def send(message: object) -> None:
            pass

        scope = {"type": "http", "method": "GET", "headers": []}
        tasks = len(asyncio.all_tasks())
        answering = asyncio.create_task(StreamingResponse(items())(scope, messages.get, send))
        await asyncio.sleep(1)
        assert len(asyncio.all_tasks()) == tasks + 1
        messages.put_nowait({"type": "http.disconnect"})
        await asyncio.wait_for(answering, 1)
        assert closed == [True]

    run(main, backend="asyncio")
