"""The columns of the compression lane, all of which send the same octets: JSON in one piece, and lines in many.

gzip works at level 6 everywhere; zstd and br at their default levels.
"""

from __future__ import annotations

import importlib
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

from bench import payloads
from bench.contestant import Contestant

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from bench.asgi import App

LEVEL = 6
TEN_KIB, ONE_MIB, TEN_MIB, STREAM = "json-10k", "json-1m", "json-10m", "stream"


def _json(content: object) -> bytes:
    return json.dumps(content, ensure_ascii=False, separators=(",", ":")).encode()


WHOLE = {TEN_KIB: _json(payloads.TEN_KIB), ONE_MIB: _json(payloads.ONE_MIB)}
WHOLE[TEN_MIB] = WHOLE[ONE_MIB] * 10
LINES = [_json(order) + b"\n" for order in payloads.ONE_MIB[:1000]]
CONTENT = {**WHOLE, STREAM: b"".join(LINES)}


async def lines() -> AsyncIterator[bytes]:
    """What there is to stream: a thousand lines that are there at once."""
    for line in LINES:
        yield line


@dataclass(frozen=True)
class CompressionPeer(Contestant):
    """One column."""

    coding: str
    application: Callable[[], App] | None
    """None for one that has a server of its own."""
    main: Callable[[int], None] | None = None

    @property
    def heading(self) -> str:
        return self.label


def _app_of(response: Any, stream: Any) -> App:
    """One app that answers each case; the peer's middleware goes around it."""

    async def app(scope: Any, receive: Any, send: Any) -> None:
        case = scope["path"][1:]
        made = stream(lines(), media_type="text/plain") if case == STREAM else None
        await (made or response(WHOLE[case], media_type="application/json"))(scope, receive, send)

    return app


def _rejoinder(coding: str) -> Callable[[], App]:
    def application() -> App:
        from rejoinder import Response, StreamingResponse
        from rejoinder.middleware import Compression, CompressionMiddleware

        importlib.import_module("rejoinder._encode." + {"br": "brotli"}.get(coding, coding))
        compression = Compression(coding, levels={"gzip": LEVEL})  # type: ignore[arg-type]
        return CompressionMiddleware(_app_of(Response, StreamingResponse), compression)

    return application


def _starlette() -> App:
    from starlette.middleware.gzip import GZipMiddleware
    from starlette.responses import Response, StreamingResponse

    return GZipMiddleware(_app_of(Response, StreamingResponse), compresslevel=LEVEL)


def _litestar() -> App:
    from litestar import Litestar, Response, get
    from litestar.config.compression import CompressionConfig
    from litestar.response import Stream

    @get("/{case:str}", sync_to_thread=False)
    def answer(case: str) -> Any:
        if case == STREAM:
            return Stream(lines(), media_type="text/plain")
        return Response(WHOLE[case], media_type="application/json")

    config = CompressionConfig(backend="gzip", gzip_compress_level=LEVEL)
    app: Any = Litestar([answer], compression_config=config, openapi_config=None)
    return cast("App", app)


def _serve_aiohttp(port: int) -> None:
    from aiohttp import web

    async def answer(request: web.Request) -> web.StreamResponse:
        case = request.match_info["case"]
        if case != STREAM:
            whole = web.Response(body=WHOLE[case], content_type="application/json")
            whole.enable_compression()
            return whole
        stream = web.StreamResponse(headers={"content-type": "text/plain"})
        stream.enable_compression()
        await stream.prepare(request)
        async for line in lines():
            await stream.write(line)
        await stream.write_eof()
        return stream

    app = web.Application()
    app.router.add_get("/{case}", answer)
    web.run_app(app, host="127.0.0.1", port=port, access_log=None, print=None)


_OURS = "`CompressionMiddleware(app, Compression({!r}))` around `Response` and `StreamingResponse`"
PEERS = [
    CompressionPeer(
        "rejoinder",
        "rejoinder gzip",
        _OURS.format("gzip") + ", with zlib-ng",
        ("rejoinder", "zlib-ng"),
        "gzip",
        _rejoinder("gzip"),
    ),
    CompressionPeer(
        "rejoinder_zstd", "rejoinder zstd", _OURS.format("zstd"), ("backports.zstd",), "zstd", _rejoinder("zstd")
    ),
    CompressionPeer("rejoinder_br", "rejoinder br", _OURS.format("br"), ("brotli",), "br", _rejoinder("br")),
    CompressionPeer(
        "starlette",
        "Starlette gzip",
        f"`GZipMiddleware(app, compresslevel={LEVEL})` around its `Response` and `StreamingResponse`",
        ("starlette",),
        "gzip",
        _starlette,
    ),
    CompressionPeer(
        "litestar",
        "Litestar gzip †",
        "a whole framework (†), `CompressionConfig('gzip')`",
        ("litestar",),
        "gzip",
        _litestar,
    ),
    CompressionPeer(
        "aiohttp",
        "aiohttp gzip ‡",
        "its own server (‡), `enable_compression()`; it flushes a stream at its end alone",
        ("aiohttp",),
        "gzip",
        None,
        _serve_aiohttp,
    ),
]


def discover() -> tuple[list[CompressionPeer], dict[str, str]]:
    """All peers that can be imported, and why the others cannot."""
    peers, missing = list[CompressionPeer](), dict[str, str]()
    for peer in PEERS:
        try:
            if peer.application is None:
                importlib.import_module(peer.name)
            else:
                peer.application()
        except ImportError as error:
            missing[peer.name] = str(error).partition(" (")[0]
        else:
            peers.append(peer)
    return peers, missing


def load(name: str) -> CompressionPeer:
    return next(peer for peer in PEERS if peer.name == name)
