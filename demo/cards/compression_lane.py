"""Fewer bytes for the same text.

Compression, in the best coding that the client takes.
"""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from math import sin

from demo.gallery import Try, View, card
from rejoinder import JSONResponse
from rejoinder.sse import EventSourceResponse

BROWSER = {"Accept-Encoding": "gzip, deflate, br, zstd"}


@card(
    title="Text in a fraction of its bytes",
    about="JSON, HTML, CSV: one argument sends it in zstd, br or gzip, whichever the client takes. Caches keep the codings "
    "apart, each has an entity tag of its own, and who takes none gets the text as it is.",
    view=View.SIZES,
    tries=(
        Try(label="As browsers ask", headers=BROWSER),
        Try(label="Only gzip", headers={"Accept-Encoding": "gzip"}),
        Try(label="No coding"),
        Try(label="Who has it already", headers={"Accept-Encoding": "gzip", "If-None-Match": 'W/"v1-gzip"'}),
    ),
)
def forecast() -> JSONResponse:
    celsius = [round(15 + 8 * sin(hour / 4), 1) for hour in range(720)]
    hours = [{"hour": hour, "celsius": at, "rain": at < 9} for hour, at in enumerate(celsius)]
    return JSONResponse(hours, etag="v1", compress=True)


async def departures() -> AsyncIterator[dict[str, object]]:
    for platform, to in enumerate(("Basel", "Praha", "Wien", "Kraków", "Paris", "København"), 1):
        yield {"platform": platform, "to": to, "announced": datetime.now(UTC)}
        await asyncio.sleep(0.5)


@card(
    title="Compressed events that do not wait",
    about="An encoder likes to keep what it has until there is more. Here it hands over each event when the source waits: "
    "smaller, and as early as before.",
    view=View.ARRIVALS,
    uses=(departures,),
    tries=(Try(label="As browsers ask", headers=BROWSER), Try(label="No coding")),
)
async def board() -> EventSourceResponse:
    return EventSourceResponse(departures(), compress=True)
