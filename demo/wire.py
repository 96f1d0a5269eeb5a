"""A look at the wire: sends a request to a server over a socket of its own, and keeps what comes back as it came."""

import asyncio
from collections.abc import Mapping

MAX_BYTES = 64 * 1024
TIMEOUT = 5.0
_CHUNK = 16 * 1024


def format_request(method: str, target: str, host: str, headers: Mapping[str, str]) -> bytes:
    fields = {"Host": host, "Accept": "*/*", **headers, "Connection": "close"}
    lines = [f"{method} {target} HTTP/1.1", *(f"{name}: {value}" for name, value in fields.items())]
    return "".join(f"{line}\r\n" for line in (*lines, "")).encode("ascii")


async def exchange(address: tuple[str, int], request: bytes) -> bytes:
    """The bytes of the response; only the beginning, when it is large or does not end in time."""
    received = bytearray()
    try:
        async with asyncio.timeout(TIMEOUT):
            reader, writer = await asyncio.open_connection(*address)
            try:
                writer.write(request)
                while len(received) < MAX_BYTES and (chunk := await reader.read(_CHUNK)):
                    received += chunk
            finally:
                writer.close()
    except TimeoutError:
        pass
    return bytes(received[:MAX_BYTES])
