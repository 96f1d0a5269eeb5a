"""What the streams lane sends: the sources that every peer is given, and what must arrive of them."""

from __future__ import annotations

import asyncio
import csv
import io
import struct
import time
import zlib
from functools import cache, partial
from typing import TYPE_CHECKING, Any

import msgspec

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator

CHUNK = b"x" * 99 + b"\n"
ONE = "one"
COUNTS = (10, 1_000, 100_000)

PACED = "paced"
PACE_SECONDS = 0.001
PACED_CHUNKS = 500
PACED_OCTETS = 1024
_STAMP = struct.Struct("<qI")

IDLE = "idle"
BROADCAST = "broadcast"
PUBLISH = "publish"
"""The path at which a server is told to publish a burst to all who listen to BROADCAST."""
BURST = 30
"""Events; less than any peer's queue holds, so that none is lost."""
TICK = {"symbol": "ACME", "price": 249.9, "volume": 1200, "exchange": "XETRA", "currency": "EUR"}

JSONL = "jsonl"
CSV = "csv"
COLUMNS = ("id", "name", "price")
_BLOCK = 10_000

_encode = msgspec.json.Encoder().encode


async def chunks(count: int) -> AsyncIterator[bytes]:
    """Always ready."""
    for _ in range(count):
        yield CHUNK


def chunks_sync(count: int) -> Iterator[bytes]:
    """The same, for a thread."""
    for _ in range(count):
        yield CHUNK


SOURCES: dict[str, Callable[[], Any]] = {
    ONE: partial(chunks, 1),
    **{f"async-{count}": partial(chunks, count) for count in COUNTS},
    **{f"sync-{count}": partial(chunks_sync, count) for count in COUNTS},
}
"""Makes the source of a case of chunks."""

COUNT_OF = {ONE: 1} | {f"{kind}-{count}": count for kind in ("async", "sync") for count in COUNTS}


async def paced() -> AsyncIterator[bytes]:
    """Chunks that tell when they were made, by the clock that all processes of a machine share."""
    for number in range(PACED_CHUNKS):
        await asyncio.sleep(PACE_SECONDS)
        yield _STAMP.pack(time.monotonic_ns(), number).ljust(PACED_OCTETS, b".")


def parse_stamp(chunk: bytes) -> tuple[float, int]:
    """When it was made, in seconds, and its number."""
    nanoseconds, number = _STAMP.unpack_from(chunk)
    return nanoseconds / 1e9, number


def event_of(number: int) -> dict[str, Any]:
    """One of the published."""
    return {"number": number, **TICK}


def event_text(content: object) -> str:
    return _encode(content).decode()


def event_bytes(content: object) -> bytes:
    """As an event on the wire."""
    return b"data: " + _encode(content) + b"\n\n"


def row(number: int) -> dict[str, Any]:
    """One of the exported."""
    return {"id": number, "name": f"article {number}", "price": number / 8}


async def rows(count: int) -> AsyncIterator[dict[str, Any]]:
    """As a cursor gives them: in memory by blocks, so that they mostly need no wait."""
    for number in range(count):
        if number % _BLOCK == 0:
            await asyncio.sleep(0)
        yield row(number)


def json_line(content: dict[str, Any]) -> bytes:
    return _encode(content) + b"\n"


def csv_line(cells: Any) -> bytes:
    """What a hand-written generator does: the standard library's writer, emptied after each row."""
    text = io.StringIO()
    csv.writer(text).writerow(cells)
    return text.getvalue().encode()


async def json_lines(count: int) -> AsyncIterator[bytes]:
    """The hand-written generator."""
    async for one in rows(count):
        yield json_line(one)


async def csv_lines(count: int) -> AsyncIterator[bytes]:
    """The hand-written generator."""
    yield csv_line(COLUMNS)
    async for one in rows(count):
        yield csv_line(one.values())


@cache
def export_checksum(case: str, count: int) -> int:
    """Of all the octets of the export."""
    total = 0 if case == JSONL else zlib.crc32(csv_line(COLUMNS))
    for number in range(count):
        content = row(number)
        total = zlib.crc32(json_line(content) if case == JSONL else csv_line(content.values()), total)
    return total
