"""Middleware, for any ASGI application: `from rejoinder.middleware import CompressionMiddleware`."""

from starlette.types import ASGIApp, Receive, Scope, Send

from rejoinder._coded import CodedSend
from rejoinder._compression import Codings, Compression, check_compress

__all__ = ["Compression", "CompressionMiddleware"]


class CompressionMiddleware:
    """Compresses what an application answers, where the client likes that and the content gets smaller by it.

    Conditional requests, ranges and HEAD stay right; events and other streams arrive as soon as they are sent; long
    content is compressed in threads. `app.add_middleware(CompressionMiddleware)`.

    Args:
        app: the application.
        compress: True for all codings whose engines are installed; the name of one, `"zstd"`, `"br"` or `"gzip"`; a
            sequence of names, the best first; or a `Compression`, which has more to say.

    Raises:
        ImportError: as `Compression`.
        ValueError: as `Compression`; False.

    >>> from rejoinder import PlainTextResponse, testing
    >>> app = CompressionMiddleware(PlainTextResponse("hello " * 1000), "gzip")
    >>> answer = testing.run(lambda: testing.fetch(app, headers={"accept-encoding": "gzip"}))
    >>> answer.headers.get("content-encoding"), len(answer.body) < 100
    ('gzip', True)
    """

    def __init__(self, app: ASGIApp, compress: Codings | Compression = True) -> None:
        compression = check_compress(compress)
        if compression is None:
            raise ValueError("CompressionMiddleware with compress=False does nothing; leave it out")
        self.app = app
        self._compression = compression

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request; all that is no HTTP request goes to the application as it is."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        coded = CodedSend(self._compression, scope, send)
        try:
            await self.app(coded.scope, receive, coded)
        finally:
            coded.close()
