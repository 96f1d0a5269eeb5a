"""Responses of another server, passed on while they come."""

from typing import TYPE_CHECKING, TypedDict, Unpack

import anyio
from starlette.background import BackgroundTask
from starlette.requests import Request
from starlette.types import Receive, Scope, Send

from rejoinder._encode.chunks import ChunkEncoder
from rejoinder._encode.stream import Encoder
from rejoinder._http.fields import Headers, checked, encode_field, encode_headers
from rejoinder._http.forwarding import override
from rejoinder._lifecycle import Exchange, OnFinish
from rejoinder._plan import plan_failure
from rejoinder._send import Outlet
from rejoinder._streaming import StreamingResponse

if TYPE_CHECKING:
    import httpx


class ProxyOptions(TypedDict, total=False):
    """What `ProxyResponse` takes by keyword beside the client."""

    headers: Headers | None
    background: BackgroundTask | None
    via: str | None
    on_finish: OnFinish | None
    send_timeout: float | None
    idle_timeout: float | None
    max_duration: float | None
    stop_on_shutdown: bool


class ProxyResponse(StreamingResponse):
    """What another server answers, as it comes: its status, its header section, its content.

    The request is sent when this response is, and belongs to it: however that ends, the exchange with the upstream is
    ended, too. When the client leaves, a language model stops generating. The content is passed on as it is on the wire,
    so the upstream is asked for a coding that the client knows. What belongs to a connection (RFC 9110, 7.6.1), Date,
    Server, and orders to a front server (X-Accel-*, X-Sendfile) are not passed on.

    If the upstream cannot be reached, breaks off or does not speak HTTP, the client gets a 502; if it takes longer than
    the timeouts of `client`, a 504. The reason is logged, and `on_finish` is told. Once the head is sent, the connection
    is cut.

    Args:
        request: made by `client.build_request`.
        client: sends it; shared by all responses, and yours to close. It keeps the cookies that it is sent, and adds them
            to what it builds: one for proxies should do nothing else.
        headers: as for `Response`; in place of the upstream's of the same name, but cookies beside its.
        background: as for `Response`.
        via: the name of this server for Via, in the response and in what `forward` sends (RFC 9110, 7.6.3).
        on_finish: as for `Response`.
        send_timeout: as for `StreamingResponse`.
        idle_timeout: as for `StreamingResponse`; the client's read timeout counts, too.
        max_duration: as for `StreamingResponse`.
        stop_on_shutdown: as for `StreamingResponse`; for upstreams that never end.

    Raises:
        ImportError: httpx is not installed.
        TypeError: `request` is no `httpx.Request`, `client` no `httpx.AsyncClient`.
        ValueError: as for `Response`.

    >>> import httpx
    >>> client = httpx.AsyncClient(timeout=httpx.Timeout(5, read=60))
    >>> request = client.build_request("POST", "http://127.0.0.1:9000/v1/chat", json={"stream": True})
    >>> response = ProxyResponse(request, client=client, headers={"cache-control": "no-store"})
    """

    def __init__(
        self,
        request: "httpx.Request",
        *,
        client: "httpx.AsyncClient",
        headers: Headers | None = None,
        background: BackgroundTask | None = None,
        via: str | None = None,
        on_finish: OnFinish | None = None,
        send_timeout: float | None = None,
        idle_timeout: float | None = None,
        max_duration: float | None = None,
        stop_on_shutdown: bool = False,
    ) -> None:
        try:
            from rejoinder._upstream import Content, Upstream
        except ImportError as error:
            raise ImportError('ProxyResponse needs httpx: pip install "rejoinder[httpx]"') from error
        if via is not None:
            encode_field("via", via)
        self._via = via
        self._upstream = Upstream(request, client)
        self._promised = Content()
        super().__init__(
            self._promised,
            headers=headers,
            background=background,
            on_finish=on_finish,
            send_timeout=send_timeout,
            idle_timeout=idle_timeout,
            max_duration=max_duration,
            stop_on_shutdown=stop_on_shutdown,
        )

    @classmethod
    def forward(
        cls,
        request: Request,
        target: str,
        client: "httpx.AsyncClient",
        *,
        path: str | None = None,
        request_headers: Headers | None = None,
        **options: Unpack[ProxyOptions],
    ) -> "ProxyResponse":
        """A reverse proxy: sends the request that came, with its content, to what is beneath another URL.

        Method, query and fields are those of the request, Range and what makes it conditional among them; but for Host,
        Expect, and what belongs to the connection. Redirects are passed on. A path that would lead out of the target, by
        `..` in any disguise, and fields that no server should have taken, are answered with 400. Who may ask for what,
        and where `target` leads, is for you to decide.

        Args:
            request: whose content nobody has read; or all of it, with `await request.body()`.
            target: an absolute URL without a query.
            client: as for the class.
            path: beneath the target, not percent-encoded, as a path parameter is. By default that of the request, seen
                from where the application is mounted.
            request_headers: for the upstream, in place of the request's of the same name: credentials, X-Forwarded-For.
            **options: as for the class; `via` is also told to the upstream.

        Raises:
            ImportError: httpx is not installed.
            TypeError: `client` is no `httpx.AsyncClient`.
            ValueError: `target` is no such URL; a header that cannot be sent.

        >>> import httpx
        >>> client = httpx.AsyncClient()
        >>> async def api(request: Request) -> ProxyResponse:
        ...     return ProxyResponse.forward(request, "http://127.0.0.1:9000/v2", client, via="gateway")
        """
        try:
            from rejoinder._upstream import Upstream
        except ImportError as error:
            raise ImportError('ProxyResponse needs httpx: pip install "rejoinder[httpx]"') from error
        via = options.get("via")
        if via is not None:
            encode_field("via", via)
        fields = [] if request_headers is None else encode_headers(request_headers)
        upstream = Upstream.of(request, target, client, path, fields, via)
        response = cls(upstream.request, client=client, **options)
        response._upstream = upstream
        # RFC 9110, 13.2.1: a server that is not the origin "MUST NOT evaluate the conditional request header fields".
        response._evaluates = False
        return response

    async def _begin(
        self, scope: Scope, receive: Receive, send: Send, exchange: Exchange
    ) -> tuple[Outlet, object, Encoder]:
        from rejoinder._upstream import GATEWAY_TIMEOUT, NoAnswerError

        encoder = ChunkEncoder(self.charset)
        own = checked(self.raw_headers)
        try:
            with anyio.fail_after(self._terms.max_duration):
                content, status, fields = await self._upstream.open(scope, receive, self._via)
        except (NoAnswerError, TimeoutError) as error:
            cause = error.__cause__ if isinstance(error, NoAnswerError) else error
            exchange.failure = cause if isinstance(cause, Exception) else None
            answer = plan_failure(error.status if isinstance(error, NoAnswerError) else GATEWAY_TIMEOUT, own)
            exchange.status = answer.status
            return Outlet(scope, send, exchange, answer.headers, has_content=False), self._content, encoder
        if self._replaced:
            # Whoever replaced it reads the original, and makes something else of it.
            self._promised.response = content.response
            fields = [field for field in fields if field[0] != b"content-length"]
        outlet = self._outlet(scope, send, exchange, status, override(fields, own))
        return outlet, self._content if self._replaced else content, encoder
