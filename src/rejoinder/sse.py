"""Server-sent events: the response, the event, and the channel that brings events to many clients.

>>> from rejoinder.sse import Channel, EventSourceResponse
>>> prices = Channel()
>>> async def watch_prices():  # an endpoint
...     return EventSourceResponse(prices.subscribe)
>>> async def set_price(price: int):
...     await prices.publish({"price": price})
"""

from rejoinder._channel import Backend, Channel, MemoryBackend, PublishError, Replay, SlowClient
from rejoinder._encode.sse import Draft, EncodedEvent
from rejoinder._events import EventSourceResponse, ServerSentEvent
from rejoinder._redis import RedisBackend

__all__ = [
    "Backend",
    "Channel",
    "Draft",
    "EncodedEvent",
    "EventSourceResponse",
    "MemoryBackend",
    "PublishError",
    "RedisBackend",
    "Replay",
    "ServerSentEvent",
    "SlowClient",
]
