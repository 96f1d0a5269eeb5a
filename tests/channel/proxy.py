"""A network between here and Redis that fails as networks do: it cuts, stalls, swallows answers, and comes back."""

import asyncio
import socket
import struct
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress


class Proxy:
    """At a port of its own, in the running loop."""

    def __init__(self, host: str, port: int) -> None:
        self.host, self.target = host, port
        self.port = 0
        self.connections = 0  # so many have been made
        self._flows = asyncio.Event()
        self._flows.set()
        self._refuses = False
        self._mute = False
        self._writers: set[asyncio.StreamWriter] = set()

    @property
    def url(self) -> str:
        return f"redis://127.0.0.1:{self.port}/0"

    @property
    def open(self) -> int:
        """Connections from here to Redis."""
        return len(self._writers) // 2

    def cut(self) -> None:
        """Close all connections."""
        for writer in tuple(self._writers):
            writer.transport.abort()

    def reset(self) -> None:
        """The same, and what is under way is gone."""
        for writer in self._writers:
            linger = struct.pack("ii", 1, 0)
            writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
        self.cut()

    def refuse(self) -> None:
        """From now on, connections are closed at once."""
        self._refuses = True
        self.cut()

    def stall(self) -> None:
        """From now on, nothing comes through, and nobody is told."""
        self._flows.clear()

    def mute(self) -> None:
        """From now on, Redis hears, and is not heard."""
        self._mute = True

    def heal(self) -> None:
        """For connections that are made from now on, and for those that stall."""
        self._refuses = self._mute = False
        self._flows.set()

    async def handle(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self._refuses:
            writer.transport.abort()
            return
        self.connections += 1
        with suppress(OSError):
            there, away = await asyncio.open_connection(self.host, self.target)
            self._writers |= {writer, away}
            try:
                async with asyncio.TaskGroup() as group:
                    group.create_task(self._carry(reader, away, answers=False))
                    group.create_task(self._carry(there, writer, answers=True))
            except* OSError:
                pass
            finally:
                self._writers -= {writer, away}
        writer.close()

    async def _carry(self, source: asyncio.StreamReader, target: asyncio.StreamWriter, *, answers: bool) -> None:
        try:
            while data := await source.read(65536):
                await self._flows.wait()
                if not (answers and self._mute):
                    target.write(data)
                    await target.drain()
        finally:
            target.close()


@asynccontextmanager
async def proxy_to(host: str, port: int) -> AsyncIterator[Proxy]:
    """A proxy, and no task of it is left."""
    proxy = Proxy(host, port)
    tasks: set[asyncio.Task[None]] = set()

    def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.get_running_loop().create_task(proxy.handle(reader, writer))
        tasks.add(task)
        task.add_done_callback(tasks.discard)

    server = await asyncio.start_server(accept, "127.0.0.1", 0)
    proxy.port = server.sockets[0].getsockname()[1]
    try:
        yield proxy
    finally:
        server.close()
        proxy.heal()
        proxy.cut()
        for task in tuple(tasks):
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
