"""A channel over a Redis that answers when the test says so, in virtual time."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

import anyio
import pytest

pytest.importorskip("redis", reason="redis-py is not installed")

from rejoinder import testing
from rejoinder._redis import Entry
from rejoinder.sse import Channel, Draft, PublishError, RedisBackend

pytestmark = pytest.mark.usefixtures("nothing_blocks", "all_closed")


class Steps:
    """In place of both connections: it connects, and answers what is to be stored, when it may."""

    def __init__(self) -> None:
        self.connects, self.answers = asyncio.Event(), asyncio.Event()
        self.entries: list[Entry] = []
        self.asked: list[tuple[int, list[bytes]]] = []

    async def connect(self) -> None:
        await self.connects.wait()

    async def drop(self) -> None: ...

    async def read_back(self, end: str, count: int) -> list[Entry]:
        await self.connect()
        return self.entries[::-1] if end == "+" else []

    async def read_after(self, id: str, count: int) -> list[Entry]:  # noqa: A002 - as Redis calls it
        return await asyncio.get_running_loop().create_future()  # type: ignore[no-any-return]

    async def store(self, publisher: str, number: int, drafts: Sequence[Draft], size: int, known: int) -> list[str]:
        self.asked.append((number, [draft.lines for draft in drafts]))
        if not self.answers.is_set():
            await self.answers.wait()
            raise ConnectionError("the answer is lost")
        return [f"{number}-{index}" for index, _ in enumerate(drafts)]


def runs(main: Callable[[Steps, Channel], Awaitable[None]]) -> None:
    async def with_channel() -> None:
        steps = Steps()
        backend: Any = RedisBackend("redis://localhost", timeout=1)
        backend._client = lambda: steps
        await main(steps, Channel(backend))
        await backend.aclose()

    testing.run(with_channel)


def test_what_was_given_up_before_it_was_sent_is_never_stored() -> None:
    async def main(steps: Steps, channel: Channel) -> None:
        with pytest.raises(PublishError, match="the event was not stored") as caught:
            await channel.publish(1)
        assert not caught.value.may_be_stored
        steps.connects.set()
        steps.answers.set()
        await anyio.wait_all_tasks_blocked()
        await channel.publish(2)
        assert [lines for _, lines in steps.asked] == [[b"data: 2\n"]]

    runs(main)


def test_what_was_not_given_up_is_stored_without_it() -> None:
    async def main(steps: Steps, channel: Channel) -> None:
        first, second = (asyncio.create_task(channel.publish(number)) for number in (1, 2))
        await anyio.wait_all_tasks_blocked()
        first.cancel()
        steps.connects.set()
        steps.answers.set()
        await second
        assert [lines for _, lines in steps.asked] == [[b"data: 2\n"]]

    runs(main)


def test_what_was_sent_is_sent_again_as_it_was() -> None:
    """Its ids belong to its number, whoever has given up."""

    async def main(steps: Steps, channel: Channel) -> None:
        steps.connects.set()
        first, second = (asyncio.create_task(channel.publish(number)) for number in (1, 2))
        await anyio.wait_all_tasks_blocked()
        first.cancel()
        steps.answers.set()
        await second
        assert steps.asked == [(1, [b"data: 1\n", b"data: 2\n"])] * 2

    runs(main)


@pytest.mark.parametrize("connected", [True, False], ids=["for-an-event", "for-the-history"])
def test_who_waits_for_a_replay_when_the_channel_is_closed_gets_nothing(connected: bool) -> None:
    """It goes on elsewhere from where it was: nothing old again, no gap that is none."""

    async def main(steps: Steps, channel: Channel) -> None:
        steps.entries = [Entry("1-0", b"data: 1\n", None, ""), Entry("2-0", b"data: 2\n", None, "1-0")]
        if connected:
            steps.connects.set()
            await channel._backend.replay(None)
        got: list[bytes] = []

        async def client() -> None:
            got.extend([event.encoded async for event in channel.subscribe("9-0")])

        async with anyio.create_task_group() as group:
            group.start_soon(client)
            await anyio.wait_all_tasks_blocked()
            channel.close()
        assert got == []

    runs(main)
