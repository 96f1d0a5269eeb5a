"""Drive any ASGI app in a test, without a server, a socket or a second of waiting.

`fetch` sends a request and gives the whole answer. `Exchange` is the same one message at a time, for what a whole
answer cannot show: endless streams, slow readers, clients that leave. Both hold the app to the ASGI specification and
to RFC 9110: what a server would have to mend or refuse fails the test, as a `ProtocolViolation`. `run` runs a test on
asyncio or trio with a clock that costs no time.

>>> async def app(scope, receive, send):
...     headers = [(b"content-length", b"5")]
...     await send({"type": "http.response.start", "status": 200, "headers": headers})
...     await send({"type": "http.response.body", "body": b"hello"})
>>> async def main():
...     answer = await fetch(app)
...     assert (answer.status, answer.body) == (200, b"hello")
>>> run(main)
"""

from rejoinder._testing.clock import run
from rejoinder._testing.exchange import Answer, Exchange, fetch
from rejoinder._testing.message import Head, Headers, Message
from rejoinder._testing.protocol import ProtocolViolation

__all__ = ["Answer", "Exchange", "Head", "Headers", "Message", "ProtocolViolation", "fetch", "run"]
