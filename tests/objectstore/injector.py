"""Between a client and a store: it counts what is asked for and sent, and does what networks and stores do on a bad day."""

import asyncio
import threading
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import NamedTuple

_PORTION = 64 * 1024
_PATIENCE = 20.0  # real seconds until a test is told that what it waits for does not happen


class Asked(NamedTuple):
    """A request."""

    method: str
    target: str
    headers: dict[str, str]


@dataclass(frozen=True)
class Fault:
    """What happens to an answer."""

    cut_after: int | None = None
    """The connection is closed when so many octets of content were sent."""
    stall_after: int | None = None
    """Nothing more is sent then."""
    status: int | None = None
    """This is the answer, and the store is not asked."""
    then: Callable[[], object] = lambda: None
    """Done before the connection is cut; where it is not, before the answer is sent."""


FINE = Fault()


@dataclass
class Injector:
    """What has been seen, and what is to happen to the next GETs and HEADs."""

    upstream: int
    port: int = 0
    asked: list[Asked] = field(default_factory=list)
    octets: int = 0
    """Of content, sent to the client."""
    going_on: int = 0
    """Requests whose connection is open."""
    faults: dict[str, deque[Fault]] = field(default_factory=lambda: {"GET": deque(), "HEAD": deque()})
    always: dict[str, Fault] = field(default_factory=dict)
    _changed: threading.Condition = field(default_factory=threading.Condition)
    _tasks: set[object] = field(default_factory=set)

    def next(self, method: str, *faults: Fault) -> None:
        """Have these happen, one by one."""
        self.faults[method].extend(faults)

    def forget(self) -> None:
        """As at the beginning."""
        self.wait_until(lambda: self.going_on == 0)
        self.asked.clear()
        self.octets = 0
        self.always.clear()
        for queue in self.faults.values():
            queue.clear()

    def of(self, method: str) -> list[Asked]:
        """The requests with this method so far."""
        return [asked for asked in self.asked if asked.method == method]

    def ranges(self) -> list[tuple[int, int]]:
        """What each GET so far has asked for, from the first octet to before the last."""
        return [_half_open(asked.headers["range"]) for asked in self.of("GET")]

    def wait_until(self, happened: Callable[[], bool]) -> None:
        """Block until it has."""
        with self._changed:
            assert self._changed.wait_for(happened, _PATIENCE), f"{self.going_on} going on, {self.octets} octets sent"

    def settle(self, seconds: float = 0.3) -> int:
        """The octets that were sent when, for so long, nothing else happened."""
        with self._changed:
            while self._changed.wait(seconds):
                pass
            return self.octets

    def _count(self, *, octets: int = 0, requests: int = 0) -> None:
        with self._changed:
            self.octets += octets
            self.going_on += requests
            self._changed.notify_all()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One request of one connection, which is closed then: so an open one is a request that goes on."""
        self._tasks.add(asyncio.current_task())  # a loop alone does not keep its tasks
        with suppress(ConnectionError, asyncio.IncompleteReadError):
            head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
            line, *lines = head.removesuffix("\r\n\r\n").split("\r\n")
            method, target, _ = line.split(" ")
            headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
            self.asked.append(Asked(method, target, headers))
            self._count(requests=1)
            try:
                queue = self.faults[method]
                await self._answer(head, reader, writer, queue.popleft() if queue else self.always.get(method, FINE))
            finally:
                self._count(requests=-1)
        writer.close()
        self._tasks.discard(asyncio.current_task())

    async def _answer(
        self, head: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, fault: Fault
    ) -> None:
        if fault.status is not None:
            writer.write(b"HTTP/1.1 %d Fault\r\ncontent-length: 0\r\nconnection: close\r\n\r\n" % fault.status)
            return
        upstream, asking = await asyncio.open_connection("127.0.0.1", self.upstream, limit=_PORTION)
        gone = asyncio.ensure_future(reader.read(1))
        try:
            asking.write((head.removesuffix("\r\n") + "connection: close\r\n\r\n").encode("latin-1"))
            answer = await upstream.readuntil(b"\r\n\r\n")
            stop = fault.cut_after if fault.stall_after is None else fault.stall_after
            if stop is None:
                fault.then()
            writer.write(answer)
            sent = 0
            while stop != sent and (data := await upstream.read(_PORTION)):
                data = data if stop is None else data[: stop - sent]
                sent += len(data)
                self._count(octets=len(data))  # before a client can have them, and look
                writer.write(data)
                draining = asyncio.ensure_future(writer.drain())
                await asyncio.wait([draining, gone], return_when=asyncio.FIRST_COMPLETED)
                if gone.done():
                    draining.cancel()
                    return
            if fault.stall_after is not None:
                await gone
            elif stop is not None:
                fault.then()
        finally:
            gone.cancel()
            asking.transport.abort()


def _half_open(value: str) -> tuple[int, int]:
    first, last = value.removeprefix("bytes=").split("-")
    return int(first), int(last) + 1


@contextmanager
def injecting(upstream: int) -> Iterator[Injector]:
    """An injector before the server at this port of the machine, in a thread of its own."""
    injector = Injector(upstream)
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()

    async def start() -> asyncio.Server:
        return await asyncio.start_server(injector.serve, "127.0.0.1", 0, limit=_PORTION)

    async def stop() -> None:
        server.close()
        tasks = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    server = asyncio.run_coroutine_threadsafe(start(), loop).result(_PATIENCE)
    injector.port = server.sockets[0].getsockname()[1]
    try:
        yield injector
    finally:
        asyncio.run_coroutine_threadsafe(stop(), loop).result(_PATIENCE)
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()
