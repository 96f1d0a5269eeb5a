"""What a backend asks of Redis, through redis-py: `pip install "rejoinder[redis]"`.

A failure that may pass (the connection, a server that starts or is a replica by now) is an OSError.
"""

import asyncio
from collections.abc import Awaitable, Mapping, Sequence
from contextlib import suppress
from typing import Any, TypeVar

import redis
import redis.asyncio
from redis.asyncio.connection import Connection, ConnectionPool, parse_url

from rejoinder._channel import PublishError
from rejoinder._encode.sse import Draft
from rejoinder._redis import Entry

T = TypeVar("T")

_BLOCK = 1.0  # seconds that Redis waits for a new entry
_PATIENCE = 2.0  # seconds until a connection is taken for dead on which an answer is due
_REMEMBERED = 3600  # seconds for which the last batch of a publisher is known, after the last attempt to send it

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
            raise ValueError(f"url must be that of a Redis, as redis://localhost:6379/0, got {url!r}: {error}") from None
        self._class = options.pop("connection_class", Connection)
        # What is asked here is answered in this form, and once: that it is asked again is the backend's business.
        ours = {"protocol": 2, "decode_responses": False, "retry": None, "socket_connect_timeout": _PATIENCE}
        self._options = options | ours
        self._stream = stream
        self._redis: redis.asyncio.Redis | None = None

    async def connect(self) -> None:
        """If it is not connected."""
        if self._redis is None:
            pool = ConnectionPool(connection_class=self._class, **self._options)
            self._redis = redis.asyncio.Redis(connection_pool=pool, single_connection_client=True)
            self._redis.auto_close_connection_pool = True
            await _answered(self._redis.initialize())

    async def drop(self) -> None:
        """Close the connection, if there is one."""
        client, self._redis = self._redis, None
        if client is not None:
            with suppress(redis.RedisError, OSError):
                await client.aclose()

    async def read_after(self, id: str, count: int) -> list[Entry]:  # noqa: A002 - as Redis calls it
        """Of the entries after this one, the first; waits a second for one."""
        client = await self._connected()
        answer = await _answered(client.xread({self._stream: id}, count, int(_BLOCK * 1000)), _BLOCK)
        return [_entry(*entry) for _, entries in answer or () for entry in entries]

    async def read_back(self, end: str, count: int) -> list[Entry]:
        """Of the entries up to this one, the last, newest first."""
        client = await self._connected()
        return [_entry(*entry) for entry in await _answered(client.xrevrange(self._stream, end, "-", count))]

    async def store(self, publisher: str, number: int, drafts: Sequence[Draft], size: int, timeout: float) -> list[str]:
        """The ids of the entries; those that they have already, if this is the number of the publisher's last batch.

        Raises:
            PublishError: it is refused, and not stored.
        """
        client = await self._connected()
        keys = [self._stream, f"{{{self._stream}}}:{publisher}"]
        values = [number, size, _REMEMBERED + int(timeout)]
        events = [part for draft in drafts for part in (draft.lines, _key_field(draft.key))]
        try:
            answer = await _answered(client.eval(_STORE, 2, *keys, *values, *events))
        except redis.RedisError as error:
            raise PublishError(f"Redis refuses the event: {error}", may_be_stored=False) from error
        return [id_.decode("ascii") for id_ in answer]

    async def _connected(self) -> redis.asyncio.Redis:
        await self.connect()
        assert self._redis is not None
        return self._redis


async def _answered(asked: Awaitable[T], after: float = 0) -> T:
    """The answer, which is due after so many seconds."""
    try:
        async with asyncio.timeout(after + _PATIENCE):
            return await asked
    except (redis.ConnectionError, redis.TimeoutError, redis.ReadOnlyError) as error:
        raise ConnectionError(str(error)) from error


def _entry(id: bytes, fields: Mapping[bytes, bytes]) -> Entry:  # noqa: A002 - as Redis calls it
    key, after = fields.get(b"key", _NO_KEY), fields.get(b"after")
    return Entry(
        id.decode("ascii"),
        fields.get(b"event"),
        key.removeprefix(_KEY).decode("utf-8", "replace") if key.startswith(_KEY) else None,
        None if after is None else after.decode("ascii", "replace"),
    )


def _key_field(key: str | None) -> bytes:
    return _NO_KEY if key is None else _KEY + key.encode("utf-8", "replace")
