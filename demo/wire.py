"""A look at the wire: sends a request to a server over a socket of its own, and passes on what comes back as it comes."""

import asyncio
from collections.abc import AsyncIterator, Mapping

MAX_BYTES = 64 * 1024
TIMEOUT = 5.0
_CHUNK = 16 * 1024


def format_request(method: str, target: str, host: str, headers: Mapping[str, str]) -> bytes:
    fields = {"Host": host, "Accept": "*/*", **headers, "Connection": "close"}
    lines = [f"{method} {target} HTTP/1.1", *(f"{name}: {value}" for name, value in fields.items())]
    return "".join(f"{line}\r\n" for line in (*lines, "")).encode("ascii")


async def exchange(address: tuple[str, int], request: bytes) -> AsyncIterator[bytes]:
    """The request and the response; of that only the beginning, when it is large or does not end in time."""
    yield request
    ends = asyncio.get_running_loop().time() + TIMEOUT
    reader, writer = await asyncio.open_connection(*address)
    try:
        writer.write(request)
        left = MAX_BYTES
        while left and (chunk := await _read(reader, min(left, _CHUNK), ends)):
            yield chunk
            left -= len(chunk)
    finally:
        writer.close()


async def _read(reader: asyncio.StreamReader, size: int, ends: float) -> bytes:
    """What comes next; nothing when it is over, or time is up."""
    try:
        async with asyncio.timeout_at(ends):
            return await reader.read(size)
    except TimeoutError:
        return b""
