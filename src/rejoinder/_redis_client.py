"""What a backend asks of Redis, through redis-py: `pip install "rejoinder[redis]"`.

A failure that may pass (the connection, a server that starts or is a replica by now) is an OSError.
"""

import asyncio
from collections.abc import Awaitable, Sequence
from contextlib import suppress
from importlib.util import find_spec
from typing import Any, TypeVar

import redis
from redis.asyncio.connection import AbstractConnection, Connection, parse_url

from rejoinder._channel import PublishError
from rejoinder._encode.sse import Draft
from rejoinder._redis import Entry

T = TypeVar("T")

# Redis is not told of redis-py's version: each connection would look for it on the disk, in the event loop.
_UNNAMED = ["driver_info"] if find_spec("redis.driver_info") else ["lib_name", "lib_version"]

_BLOCK = 1.0  # seconds that Redis waits for a new entry
_PATIENCE = 3.0  # seconds until a connection is taken for dead on which an answer is due

# A script is atomic, on disk as well.
_STORE = """
local number, last, ids = tonumber(ARGV[1]), redis.call('GET', KEYS[2]), {}
if last then
  for word in string.gmatch(last, '%S+') do ids[#ids + 1] = word end
  local stored = tonumber(table.remove(ids, 1))
  if stored == number then return ids end
  if stored > number then return redis.error_reply('OBSOLETE a later batch of this publisher is stored') end
  ids = {}
end
local newest = redis.call('XREVRANGE', KEYS[1], '+', '-', 'COUNT', 1)[1]
local id = newest and newest[1] or ''
for i = 4, #ARGV, 2 do
  id = redis.call('XADD', KEYS[1], 'MAXLEN', '~', ARGV[2], '*', 'event', ARGV[i], 'key', ARGV[i + 1], 'after', id)
  ids[#ids + 1] = id
end
redis.call('SET', KEYS[2], ARGV[1] .. ' ' .. table.concat(ids, ' '), 'EX', ARGV[3])
return ids
"""
_NO_KEY, _KEY = b"", b"="


class RedisClient:
    """One connection to Redis, opened when it is first used, and again after `drop`.

    Args:
        url: as redis-py writes it.
        stream: the key of the stream.

    Raises:
        ValueError: no such URL.
    """

    def __init__(self, url: str, stream: str) -> None:
        try:
            options: dict[str, Any] = {**parse_url(url)}
        except (ValueError, AttributeError) as error:
            # It may have a password in it, and is not repeated.
            raise ValueError(f"url must be that of a Redis, as redis://localhost:6379/0; {error}") from None
        # What is asked here is answered in this form, and once: to ask again is the backend's business. A timeout of
        # redis-py's own would lose cancellations: it is `asyncio.wait_for`, which does so until Python 3.12.
        ours: dict[str, Any] = {"protocol": 2, "decode_responses": False, "retry": None, "socket_timeout": None}
        ours |= {"socket_connect_timeout": _PATIENCE, **dict.fromkeys(_UNNAMED)}
        make = options.pop("connection_class", Connection)
        self._connection: AbstractConnection = make(**{**options, **ours})
        self._stream = stream

    async def connect(self) -> None:
        """If it is not connected. Then Redis has answered: what lies between may take connections for it."""
        if not self._connection.is_connected:
            await _answered(self._connection.connect())  # type: ignore[no-untyped-call]
            await self._exchange("PING")

    async def drop(self) -> None:
        """Close the connection, if there is one."""
        with suppress(redis.RedisError, OSError):
            await self._connection.disconnect()

    async def read_after(self, id: str, count: int) -> list[Entry]:  # noqa: A002 - as Redis calls it
        """Of the entries after this one, the first; waits a second for one."""
        block = ("BLOCK", int(_BLOCK * 1000))
        answer = await self._ask("XREAD", "COUNT", count, *block, "STREAMS", self._stream, id, after=_BLOCK)
        return [_entry(*entry) for _, entries in answer or () for entry in entries]

    async def read_back(self, end: str, count: int) -> list[Entry]:
        """Of the entries up to this one, the last, newest first."""
        return [_entry(*entry) for entry in await self._ask("XREVRANGE", self._stream, end, "-", "COUNT", count)]

    async def store(self, publisher: str, number: int, drafts: Sequence[Draft], size: int, known: int) -> list[str]:
        """The ids of the entries; those that they have already, if this is the number of the publisher's last batch.

        That is `known` for so many seconds. Of `size` entries the newest are kept.

        Raises:
            PublishError: it is refused, and not stored.
        """
        keys = [self._stream, f"{{{self._stream}}}:{publisher}"]
        values = [number, size, known]
        events = [part for draft in drafts for part in (draft.lines, _key_field(draft.key))]
        try:
            answer = await self._ask("EVAL", _STORE, 2, *keys, *values, *events)
        except redis.RedisError as error:
            raise PublishError(f"Redis refuses the event: {error}", may_be_stored=False) from error
        return [id_.decode("ascii") for id_ in answer]

    async def _ask(self, *command: str | bytes | int, after: float = 0) -> Any:
        await self.connect()
        return await self._exchange(*command, after=after)

    async def _exchange(self, *command: str | bytes | int, after: float = 0) -> Any:
        await _answered(self._connection.send_command(*command))
        return await _answered(self._connection.read_response(), after)


async def _answered(asked: Awaitable[T], after: float = 0) -> T:
    """The answer, which is due after so many seconds."""
    try:
        async with asyncio.timeout(after + _PATIENCE):
            return await asked
    except (redis.ConnectionError, redis.TimeoutError, redis.ReadOnlyError) as error:
        raise ConnectionError(str(error)) from error


def _entry(id: bytes, parts: Sequence[bytes]) -> Entry:  # noqa: A002 - as Redis calls it
    fields = dict(zip(parts[::2], parts[1::2], strict=True))
    key, after = fields.get(b"key", _NO_KEY), fields.get(b"after")
    return Entry(
        id.decode("ascii"),
        fields.get(b"event"),
        key.removeprefix(_KEY).decode("utf-8", "replace") if key.startswith(_KEY) else None,
        None if after is None else after.decode("ascii", "replace"),
    )


def _key_field(key: str | None) -> bytes:
    return _NO_KEY if key is None else _KEY + key.encode("utf-8", "replace")
