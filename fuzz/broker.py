"""What a broker says: a line for each entry of a stream, of id, fields and values; and a client's id, on the first."""

import asyncio
from collections.abc import Sequence

from rejoinder._channel import History
from rejoinder._encode.sse import EncodedEvent
from rejoinder._redis import Entry, _Reader
from rejoinder._redis_client import RedisClient, _entry, _key_field

SEEDS = [
    b"1-0\n1-0 event data:1 key = after \n1-1 event data:2 key =a after 1-0",
    b"9-9\n1-0 x y\n2-0 event data:x after 5-0",
    b"-\n1-0\n2-0 event \xff key \xff after \xff",
    b"99999999999999999999-99999999999999999999\n3-0 event data:1\n1-0 event data:1",
    "\u0661-\u0662\n1-0 key =é".encode(),
]


class Client(RedisClient):
    """One that has these entries."""

    def __init__(self, entries: Sequence[Entry]) -> None:
        self._entries = entries

    async def drop(self) -> None:
        pass

    async def read_after(self, id: str, count: int) -> list[Entry]:  # noqa: A002 - as Redis calls it
        return [] if self._entries and id == self._entries[-1].id else [*self._entries[-count:]]

    async def read_back(self, end: str, count: int) -> list[Entry]:
        return [*self._entries[-count:]][::-1] if end == "+" else []


def target(data: bytes) -> None:
    asked, *lines = data.split(b"\n")
    entries = [entry for line in lines if (entry := read_entry(line.split(b" ")))]
    asyncio.run(read(asked.decode(errors="replace"), entries))
    key = asked.decode("utf-8", "surrogateescape")
    assert _entry(b"1-0", [b"key", _key_field(key)]).key == key.encode(errors="replace").decode()


def read_entry(words: list[bytes]) -> Entry | None:
    """Ids are Redis's; all the rest is anybody's."""
    left, _, right = words[0].partition(b"-")
    known = left.isdigit() and right.isdigit() and len(words[0]) < 40
    return _entry(words[0], words[1:]) if known and len(words) % 2 else None


async def read(asked: str, entries: list[Entry]) -> None:
    delivered: list[EncodedEvent] = []

    async def deliver(event: EncodedEvent, position: int) -> None:
        assert position <= history.position
        delivered.append(event)

    history = History(3)
    client = Client(entries[: len(entries) // 2])
    reader = _Reader(client, history, 3, deliver)
    await reader._read()
    client._entries = entries
    await reader._read()
    assert len(history.events) <= 4
    reader._is_ahead(asked, reader._begun)
    kept = history.replay(asked)
    assert kept.complete is any(event.id == asked for event in history.events)
    for event in delivered:
        event.encoded.decode(errors="replace")
        assert event.encoded.endswith(b"\n\n")
        assert event.id in {"", *(entry.id for entry in entries)}
