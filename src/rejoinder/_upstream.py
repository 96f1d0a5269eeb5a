"""The exchange with an upstream server, by httpx: `pip install "rejoinder[httpx]"`."""

import logging
from collections.abc import AsyncGenerator, AsyncIterator
from typing import Self, cast
from urllib.parse import quote

import anyio
import httpx
from starlette.requests import ClientDisconnect, Request
from starlette.types import Message, Receive, Scope

from rejoinder._http.conditions import SAFE
from rejoinder._http.fields import Field, combine
from rejoinder._http.forwarding import count_hop, forward_request, forward_response, override, path_beneath
from rejoinder._http.negotiation import ACCEPT_ENCODING, CONTENT_ENCODING, IDENTITY
from rejoinder._http.status import FINAL
from rejoinder._lifecycle import ClientLeft, shielded
from rejoinder._send import unless_client_leaves

_logger = logging.getLogger("rejoinder")

OK, BAD_REQUEST, NOT_IMPLEMENTED, BAD_GATEWAY, GATEWAY_TIMEOUT = 200, 400, 501, 502, 504
_LENGTH, _CODED = b"content-length", b"transfer-encoding"


class NoAnswerError(Exception):
    """The upstream gave no answer that could be passed on; its cause says why, and `status` what the client is told."""

    def __init__(self, status: int) -> None:
        super().__init__(status)
        self.status = status


class Content:
    """The content of an upstream's response, as it is on the wire. To close it is to end the exchange."""

    def __init__(self) -> None:
        self.response: httpx.Response | None = None

    def __aiter__(self) -> AsyncIterator[bytes]:
        if self.response is None:
            raise RuntimeError("the content of a ProxyResponse is there while it is sent, and not before")
        if self.response.is_stream_consumed:  # by a hook of the client or its auth: the connection is another's by now
            return aiter(httpx.ByteStream(self.response.content))
        # Not `aiter_raw`, which refuses a response that a test has made with its content.
        return aiter(cast("httpx.AsyncByteStream", self.response.stream))

    async def aclose(self) -> None:
        """End the exchange, if there is one."""
        if self.response is not None:
            await self.response.aclose()


class _Told(httpx.AsyncByteStream):
    """The content of a request, which tells when all of it has been taken."""

    def __init__(self, stream: httpx.AsyncByteStream, taken: anyio.Event) -> None:
        self._stream = stream
        self._taken = taken

    async def __aiter__(self) -> AsyncGenerator[bytes, None]:
        async for octets in self._stream:
            yield octets
        self._taken.set()


class Upstream:
    """What a request is sent to, and by which client.

    Raises:
        TypeError: `request` is no `httpx.Request`, `client` no `httpx.AsyncClient`.
    """

    def __init__(self, request: object, client: object) -> None:
        if not isinstance(request, httpx.Request):
            raise TypeError(
                f"request must be an httpx.Request, from client.build_request(); got {type(request).__name__}"
            )
        if not isinstance(client, httpx.AsyncClient):
            raise TypeError(f"client must be an httpx.AsyncClient, got {type(client).__name__}")
        self.request = request
        self._client = client
        self._refusal: int | None = None
        self._redirects: bool | httpx._client.UseClientDefault = httpx.USE_CLIENT_DEFAULT

    @classmethod
    def of(
        cls,
        request: Request,
        target: str,
        client: httpx.AsyncClient,
        path: str | None,
        fields: list[Field],
        via: str | None,
    ) -> Self:
        """Where a request that came is sent on to: what is beneath the target.

        Nowhere, if its path leads out of that, or it has fields that cannot be passed on.

        Raises:
            TypeError: as for the class.
            ValueError: the target is no absolute URL, or has a query.
        """
        scope = request.scope
        base = httpx.URL(target)
        if base.scheme not in {"http", "https"} or not base.host or base.query or base.fragment:
            raise ValueError(f"target must be an absolute http(s) URL without a query, got {target!r}")
        raw_path = _raw_path(scope) if path is None else quote(path).encode()
        beneath = path_beneath(base.raw_path, raw_path, scope.get("query_string", b""))
        try:
            url = base.copy_with(raw_path=beneath or b"/")
            passed_on = forward_request(scope["headers"], scope.get("http_version", "1.1"), via)
        except (httpx.InvalidURL, ValueError):  # it is too long; there are fields that no server should have taken
            url, beneath, passed_on = base, None, []
        refusal = BAD_REQUEST if beneath is None else None
        if (counted := count_hop(request.method, passed_on)) is None:
            refusal = refusal or (OK if request.method == "OPTIONS" else NOT_IMPLEMENTED)
        sent_on = httpx.Request(
            request.method,
            url,
            headers=override(counted or [], fields),
            content=request.stream() if _has_content(scope) else None,
        )
        upstream = cls(sent_on, client)
        # What else a client adds to the requests that it builds is not added here: its cookies are other users'.
        sent_on.extensions["timeout"] = client.timeout.as_dict()
        upstream._refusal, upstream._redirects = refusal, False
        return upstream

    async def open(self, scope: Scope, receive: Receive, via: str | None) -> tuple[Content, int, list[Field]]:
        """Send the request, and wait for the head of the response: its content, its status, its fields for the client.

        Raises:
            ClientLeft: the client did not wait for it.
            NoAnswerError: there is none.
        """
        if self._refusal is not None:
            raise NoAnswerError(self._refusal)
        content = Content()
        try:
            await self._send(content, scope, receive)
            assert content.response is not None
            return content, content.response.status_code, _fields_for_client(content.response, via)
        except BaseException as error:
            await shielded(content.aclose)
            if isinstance(error, ClientDisconnect):
                raise ClientLeft from None
            if not isinstance(error, _NO_ANSWER) or isinstance(error, httpx.UnsupportedProtocol):
                raise
            # Where it is, and what is wrong there, is not for the client.
            _logger.warning("no answer from the upstream %s: %r", self.request.url.host, error)
            status = GATEWAY_TIMEOUT if isinstance(error, httpx.TimeoutException) else BAD_GATEWAY
            raise NoAnswerError(status) from error

    async def _send(self, content: Content, scope: Scope, receive: Receive) -> None:
        taken = anyio.Event()
        request = self._prepare(scope["headers"], taken)

        async def work() -> None:
            content.response = await self._client.send(request, stream=True, follow_redirects=self._redirects)

        async def receive_later() -> Message:
            # The content may be that of the client's own request, which is received by who sends it on.
            await taken.wait()
            return await receive()

        if scope["type"] == "http":
            await unless_client_leaves(receive_later, work, lambda: False)
        else:
            await work()

    def _prepare(self, client_fields: list[Field], taken: anyio.Event) -> httpx.Request:
        """The request for this client."""
        request, stream = self.request, self.request.stream
        if isinstance(stream, httpx.AsyncByteStream) and not isinstance(stream, httpx.ByteStream):
            stream = _Told(stream, taken)
        else:
            taken.set()
        # What comes is passed on as it is, so it is the client who has to decode it. Without the field, the upstream could
        # choose any coding (RFC 9110, 12.5.3).
        accepted = combine(client_fields, {ACCEPT_ENCODING}).get(ACCEPT_ENCODING, IDENTITY)
        fields = override([(name.lower(), value) for name, value in request.headers.raw], [(ACCEPT_ENCODING, accepted)])
        return httpx.Request(
            request.method, request.url, headers=fields, stream=stream, extensions=dict(request.extensions)
        )


class _UnfitError(Exception):
    """What the upstream answered cannot be passed on."""


# httpx reads the target of a redirect even if it does not follow it, and gives up the response if it cannot: InvalidURL
# (`mailto:`), or what idna raises for hosts that it does not allow.
_NO_ANSWER = (httpx.RequestError, httpx.InvalidURL, UnicodeError, _UnfitError)


def _fields_for_client(response: httpx.Response, via: str | None) -> list[Field]:
    if response.status_code not in FINAL:
        raise _UnfitError(f"status {response.status_code}")
    try:
        fields = forward_response(response.headers.raw, response.http_version.removeprefix("HTTP/"), via)
    except ValueError as error:
        raise _UnfitError(str(error)) from None
    if response.is_stream_consumed and CONTENT_ENCODING.decode() in response.headers:  # what there is of it is decoded
        fields = [field for field in fields if field[0] not in {CONTENT_ENCODING, _LENGTH}]
    return fields


def _has_content(scope: Scope) -> bool:
    framing = combine(scope["headers"], {_LENGTH, _CODED})
    if framing:
        return _CODED in framing or framing.get(_LENGTH) != b"0"
    # From HTTP/2 on, content need not be announced.
    return not scope.get("http_version", "1.1").startswith("1") and scope["method"] not in SAFE


def _raw_path(scope: Scope) -> bytes:
    """The path of the request, percent-encoded, seen from where the application is mounted."""
    root = scope.get("root_path", "").rstrip("/")
    raw, raw_root = scope.get("raw_path"), quote(root).encode()
    # Only whole segments: "/apiary" is not beneath "/api", and whoever guards what is has not looked at it.
    if raw is not None and (raw + b"/").startswith(raw_root + b"/"):
        return bytes(raw[len(raw_root) :])
    path: str = scope["path"]
    return quote(path.removeprefix(root) if f"{path}/".startswith(f"{root}/") else path).encode()
