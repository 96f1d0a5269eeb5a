"""A worker of a fleet: its channel is over the Redis at REDIS_URL."""

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.routing import Route

from rejoinder import JSONResponse, Response
from rejoinder.sse import Channel, EventSourceResponse, PublishError, RedisBackend

backend = RedisBackend(os.environ["REDIS_URL"], stream="fleet", history=20_000, timeout=8)
channel = Channel(backend, backlog=2000)


async def events(request: Request) -> Response:
    return EventSourceResponse(channel.subscribe, ping=1)


async def publish(request: Request) -> Response:
    try:
        return JSONResponse(await channel.publish(int(request.query_params["number"])))
    except PublishError as error:
        return JSONResponse(error.may_be_stored, 503)


@asynccontextmanager
async def lifespan(app: Starlette) -> AsyncIterator[None]:
    yield
    channel.close()
    await backend.aclose()


app = Starlette(
    routes=[Route("/events", events), Route("/publish", publish, methods=["POST"])],
    lifespan=lifespan,
)
