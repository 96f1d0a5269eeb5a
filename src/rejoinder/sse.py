"""Server-sent events: the response, the event, and the channel that brings events to many clients.

>>> from rejoinder.sse import Channel, EventSourceResponse
>>> prices = Channel()
>>> async def watch_prices():  # an endpoint
...     return EventSourceResponse(prices.subscribe)
>>> async def set_price(price: int):
...     await prices.publish({"price": price})
"""

from rejoinder._channel import Backend, Channel, MemoryBackend, Replay, SlowClient
from rejoinder._encode.sse import EncodedEvent
from rejoinder._events import EventSourceResponse, ServerSentEvent

__all__ = [
    "Backend",
    "Channel",
    "EncodedEvent",
    "EventSourceResponse",
    "MemoryBackend",
    "Replay",
    "ServerSentEvent",
    "SlowClient",
]
