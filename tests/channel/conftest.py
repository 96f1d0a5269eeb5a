"""Where channels live: in virtual time with their events in memory, or in real time over a real Redis."""

from collections.abc import Awaitable, Callable, Iterator
from importlib.util import find_spec
from typing import Any, Protocol

import anyio
import pytest
from bench.redis_server import RedisServer, redis_server, why_no_redis

from rejoinder import testing
from rejoinder.sse import Channel, MemoryBackend, RedisBackend

# Each entry a node of its own: so `MAXLEN ~` keeps as many as it says, and tests can count on it.
EXACT = ("--stream-node-max-entries", "1")


class World(Protocol):
    """An event loop, and what keeps the events of the channels in it."""

    def run(self, main: Callable[[], Awaitable[None]]) -> None:
        """To its end."""

    def channel(self, history: int = 256, **options: Any) -> Channel:
        """With nothing in it."""

    async def settled(self, channel: Channel) -> None:
        """Once all that was published is delivered, and everybody waits."""


class InMemory:
    def __init__(self, loop: str) -> None:
        self.loop = loop

    def run(self, main: Callable[[], Awaitable[None]]) -> None:
        testing.run(main, backend=self.loop)

    def channel(self, history: int = 256, **options: Any) -> Channel:
        return Channel(MemoryBackend(history), **options)

    async def settled(self, channel: Channel) -> None:
        await anyio.wait_all_tasks_blocked()


class OverRedis:
    def __init__(self, url: str, name: str) -> None:
        self.url, self.name, self.streams = url, name, 0

    def run(self, main: Callable[[], Awaitable[None]]) -> None:
        anyio.run(main)

    def channel(self, history: int = 256, **options: Any) -> Channel:
        self.streams += 1
        return Channel(RedisBackend(self.url, stream=f"{self.name} {self.streams}", history=history), **options)

    async def settled(self, channel: Channel) -> None:
        await anyio.wait_all_tasks_blocked()
        reader: Any = getattr(channel._backend, "_reader", None)
        if reader is not None and reader._task is not None:
            with anyio.fail_after(10):
                await reader.reach(None)
                since = reader._begun
                while reader._current <= since:
                    await reader._news.wait()
        await anyio.wait_all_tasks_blocked()


@pytest.fixture(scope="session")
def redis() -> Iterator[RedisServer]:
    """For all tests that do not break it."""
    if find_spec("redis") is None:
        pytest.skip("redis-py is not installed")
    if why := why_no_redis():
        pytest.skip(why)
    with redis_server(*EXACT) as server:
        yield server


@pytest.fixture
def short_rounds(monkeypatch: pytest.MonkeyPatch) -> None:
    """Readers ask more often than they have to, so that no test waits for the end of a round."""
    pytest.importorskip("redis")
    monkeypatch.setattr("rejoinder._redis_client._BLOCK", 0.02)


@pytest.fixture(params=["asyncio", "trio", pytest.param("redis", marks=pytest.mark.wire)])
def world(request: pytest.FixtureRequest) -> World:
    """The test runs in each."""
    if request.param == "redis":
        request.getfixturevalue("short_rounds")
        return OverRedis(request.getfixturevalue("redis").url, request.node.name)
    if request.param == "trio":
        pytest.importorskip("trio")
    return InMemory(request.param)
