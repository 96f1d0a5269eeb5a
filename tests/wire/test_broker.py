"""A fleet: uvicorn processes on several ports over one Redis, clients that come back to another one, and all that fails.

Each client must get each event that was published, once and in the same order as all others, however often Redis is
killed, the network is cut, or it goes from worker to worker with its Last-Event-ID.
"""

import asyncio
import json
import os
import shutil
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import ExitStack, asynccontextmanager, contextmanager, suppress
from itertools import count
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("redis", reason="redis-py is not installed")
pytest.importorskip("uvicorn", reason="the workers need uvicorn")

from bench.processes import free_port, server_process
from bench.redis_server import DURABLE, RedisServer, redis_server, why_no_redis
from tests.channel.proxy import Proxy, proxy_to

if why := why_no_redis():
    pytest.skip(why, allow_module_level=True)

pytestmark = pytest.mark.wire

CLIENTS = 12
Address = tuple[str, int]


@contextmanager
def worker(redis_url: str, directory: Path, host: str = "127.0.0.1", prefix: Sequence[str] = ()) -> Iterator[Address]:
    port = free_port()
    log = directory / f"worker-{host}-{port}"
    uvicorn = [sys.executable, "-m", "uvicorn", "broker_app:app", "--host", host, "--port", str(port)]
    command = [*prefix, *uvicorn, "--timeout-graceful-shutdown", "2"]
    environment = {
        "REDIS_URL": redis_url,
        "PYTHONPATH": os.pathsep.join([str(Path(__file__).parent), *filter(None, sys.path)]),
    }
    with server_process("a worker", command, port, log, host=host, environment=environment):
        yield host, port
    assert b"Traceback" not in log.read_bytes(), log.read_text()


async def ask(
    address: Address, method: str, target: str, fields: str = ""
) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    reader, writer = await asyncio.open_connection(*address)
    writer.write(f"{method} {target} HTTP/1.1\r\nhost: x\r\n{fields}content-length: 0\r\n\r\n".encode())
    return reader, writer


async def publish(address: Address, number: int) -> tuple[int, Any]:
    """The status, and what is said."""
    reader, writer = await ask(address, "POST", f"/publish?number={number}", "connection: close\r\n")
    try:
        head, _, body = (await reader.read()).partition(b"\r\n\r\n")
    finally:
        writer.transport.abort()
    return int(head.split()[1]), json.loads(body)


class Client:
    """Reads events, goes on to the next worker when a stream ends, stalls, or has given it enough."""

    def __init__(self, workers: Sequence[Address], last_event_id: str, enough: int) -> None:
        self.workers, self.enough = workers, enough
        self.last_event_id = last_event_id
        self.numbers: list[int] = []
        self.ids: list[str] = []
        self.gaps = self.visits = 0

    async def run(self, first: int) -> None:
        for turn in count(first):
            self.visits += 1
            with suppress(OSError, asyncio.IncompleteReadError):
                await self._visit(self.workers[turn % len(self.workers)])

    async def _visit(self, address: Address) -> None:
        reader, writer = await ask(address, "GET", "/events", f"last-event-id: {self.last_event_id}\r\n")
        try:
            until, event, data = len(self.ids) + self.enough, b"", b""
            while len(self.ids) < until:
                async with asyncio.timeout(3):  # there is a ping each second
                    line = (await reader.readuntil(b"\n")).rstrip(b"\r\n")
                name, _, value = line.partition(b": ")
                if name == b"event":
                    event = value
                elif name == b"data":
                    data = value
                    self.gaps += event == b"gap"
                elif name == b"id":
                    self.last_event_id = value.decode()
                    self.ids.append(self.last_event_id)
                    self.numbers.append(json.loads(data))
                    event = b""
        finally:
            writer.transport.abort()


class Fleet:
    """Clients that read, publishers that publish, until it is over; and what must be true then."""

    def __init__(self, workers: Sequence[Address]) -> None:
        self.workers = workers
        self.stored: dict[int, str] = {}
        self.unknown: set[int] = set()
        self.numbers = count(1)
        self.over = False

    @asynccontextmanager
    async def busy(self) -> AsyncIterator[None]:
        """While the block is in it, things are published. After it, all is as it must be."""
        status, start = await publish(self.workers[0], 0)
        assert status == 200
        self.clients = [Client(self.workers, start, enough=10 + 7 * number) for number in range(CLIENTS)]
        reading = [asyncio.create_task(client.run(number)) for number, client in enumerate(self.clients)]
        try:
            publishing = [asyncio.create_task(self._publish(number)) for number in range(2 * len(self.workers))]
            yield
            self.over = True
            await asyncio.gather(*publishing)
            assert (await self._publish_one(self.workers[0], next(self.numbers)))[0] == 200
            last = max(self.stored)
            async with asyncio.timeout(30):
                while any(last not in client.numbers[-20:] for client in self.clients):
                    await asyncio.sleep(0.01)  # between two looks at what has come
            self.check()
        finally:
            for task in reading:
                task.cancel()
            await asyncio.gather(*reading, return_exceptions=True)

    async def _publish(self, number: int) -> None:
        while not self.over:
            await self._publish_one(self.workers[number % len(self.workers)], next(self.numbers))
            await asyncio.sleep(0.002)

    async def _publish_one(self, address: Address, number: int) -> tuple[int, Any]:
        status, answer = await publish(address, number)
        if status == 200:
            self.stored[number] = answer
        elif answer:
            self.unknown.add(number)
        return status, answer

    def check(self) -> None:
        order = self.clients[0].ids
        assert sum(client.visits for client in self.clients) > 2 * CLIENTS
        for client in self.clients:
            got = client.numbers
            lost, doubled = set(self.stored) - set(got), len(got) - len(set(got))
            assert (len(lost), doubled, client.gaps) == (0, 0, 0)
            assert set(got) <= set(self.stored) | self.unknown  # what was said not to be stored is not
            assert client.ids == order
            assert all(self.stored.get(number, id_) == id_ for number, id_ in zip(got, client.ids, strict=True))


async def fail(proxy: Proxy, pause: float) -> None:
    for failure in (proxy.cut, proxy.reset, proxy.mute, proxy.refuse, proxy.stall):
        failure()
        await asyncio.sleep(pause)
        if failure == proxy.mute:
            proxy.cut()
        proxy.heal()
        await asyncio.sleep(pause)


def test_no_event_is_lost_or_doubled_whatever_fails(tmp_path: Path) -> None:
    async def main(server: RedisServer, stack: ExitStack) -> None:
        async with proxy_to(server.host, server.port) as one, proxy_to(server.host, server.port) as two:
            urls = [server.url, one.url, two.url]
            workers = [await asyncio.to_thread(stack.enter_context, worker(url, tmp_path)) for url in urls]
            fleet = Fleet(workers)
            async with fleet.busy():
                for proxy in (one, two):
                    await asyncio.sleep(0.3)
                    await asyncio.to_thread(server.kill)
                    await asyncio.sleep(0.3)
                    await asyncio.to_thread(server.start)
                    await fail(proxy, 0.3)
            assert len(fleet.stored) > 50
            assert len(fleet.unknown) < len(fleet.stored)

    with redis_server(*DURABLE) as server, ExitStack() as stack:
        asyncio.run(main(server, stack))


class Hosts:
    """Redis and two workers, each on a host of its own: a network namespace. All of them are reached from here, and
    Redis from the workers over links of their own, which can be cut.
    """

    NAMES = ("redis", "one", "two")

    def __init__(self) -> None:
        self.prefix = f"rj{os.getpid() % 100_000}"

    def ip(self, *parts: str) -> None:
        subprocess.run(["ip", *parts], check=True, capture_output=True, text=True)

    def inside(self, name: str) -> list[str]:
        return ["ip", "netns", "exec", f"{self.prefix}-{name}"]

    def link(self, one: str, other: str, subnet: int) -> None:
        """Between two hosts; this one is `here`."""
        names = (f"{self.prefix}a{subnet}", f"{self.prefix}b{subnet}")
        self.ip("link", "add", names[0], "type", "veth", "peer", "name", names[1])
        for number, (host, name) in enumerate(zip((one, other), names, strict=True), 1):
            where = [] if host == "here" else ["-n", f"{self.prefix}-{host}"]
            if where:
                self.ip("link", "set", name, "netns", where[1])
            self.ip(*where, "addr", "add", f"10.203.{subnet}.{number}/24", "dev", name)
            self.ip(*where, "link", "set", name, "up")

    def cut(self, name: str, *, up: bool = False) -> None:
        """The link between Redis and a worker, of which neither is told."""
        number = self.NAMES.index(name)
        self.ip("-n", f"{self.prefix}-redis", "link", "set", f"{self.prefix}a{number}", "up" if up else "down")

    def __enter__(self) -> "Hosts":
        try:
            for name in self.NAMES:
                self.ip("netns", "add", f"{self.prefix}-{name}")
                self.ip("-n", f"{self.prefix}-{name}", "link", "set", "lo", "up")
            for number, name in enumerate(self.NAMES):
                self.link("here", name, 10 + number)
                if number:
                    self.link("redis", name, number)
        except (OSError, subprocess.CalledProcessError) as error:
            self.__exit__()
            pytest.skip(f"this machine does not permit network namespaces: {getattr(error, 'stderr', error)}")
        return self

    def __exit__(self, *_: object) -> None:
        for name in self.NAMES:
            with suppress(OSError, subprocess.CalledProcessError):
                self.ip("netns", "del", f"{self.prefix}-{name}")  # and its ends of the links, and so the links


@pytest.mark.skipif(shutil.which("ip") is None, reason="no ip (of Debian's package iproute2)")
def test_no_event_is_lost_or_doubled_between_hosts_whose_links_are_cut(tmp_path: Path) -> None:
    async def main(hosts: Hosts, stack: ExitStack) -> None:
        server = RedisServer(tmp_path, DURABLE, "0.0.0.0", hosts.inside("redis"))
        server.host = "10.203.10.2"
        await asyncio.to_thread(server.start)
        stack.callback(server.stop)
        workers = []
        for number, name in enumerate(Hosts.NAMES[1:], 1):
            url = f"redis://10.203.{number}.1:{server.port}/0"
            context = worker(url, tmp_path, f"10.203.{10 + number}.2", hosts.inside(name))
            workers.append(await asyncio.to_thread(stack.enter_context, context))
        fleet = Fleet(workers)
        async with fleet.busy():
            for name in Hosts.NAMES[1:]:
                await asyncio.sleep(0.3)
                await asyncio.to_thread(hosts.cut, name)
                await asyncio.sleep(1)
                await asyncio.to_thread(hosts.cut, name, up=True)
            await asyncio.sleep(0.3)
            await asyncio.to_thread(server.kill)
            await asyncio.to_thread(server.start)
            await asyncio.sleep(0.3)
        assert len(fleet.stored) > 50

    with Hosts() as hosts, ExitStack() as stack:
        asyncio.run(main(hosts, stack))
