"""Content that is in memory.

The classes of the bytes lane: the content is there when the response is made.
"""

import asyncio
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from functools import partial
from html import escape
from uuid import UUID

import starlette.responses
from fastapi import Request
from starlette.background import BackgroundTask

from demo.gallery import Try, View, also, card, router
from demo.journal import journal, numbers
from rejoinder import (
    HTMLResponse,
    JSONResponse,
    ORJSONResponse,
    Outcome,
    PlainTextResponse,
    RedirectResponse,
    Response,
    UJSONResponse,
)


@card(
    title="Bytes you made",
    about="Any content that is in memory, with any media type. Here an SVG image, drawn on the spot.",
    view=View.IMAGE,
)
def traffic_light() -> Response:
    lamp = '<circle cx="{}" cy="22" r="16" fill="{}"/>'.format
    lamps = lamp(22, "#d6453d") + lamp(62, "#e3a72f") + lamp(102, "#2f9e6e")
    svg = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 124 44">{lamps}</svg>'
    headers = {"Cache-Control": "no-cache"}
    return Response(svg.encode(), media_type="image/svg+xml", headers=headers)


@card(
    title="An HTML page",
    about="Markup from a string or a template engine. This page you are reading was sent with it, too.",
    view=View.HTML,
)
def welcome(name: str = "Zoë <3") -> HTMLResponse:
    return HTMLResponse(f"""<!doctype html>
<html lang="en">
<meta name="color-scheme" content="light dark">
<title>Welcome</title>
<body style="font-family: system-ui; text-align: center">
<h1>Hello, {escape(name)}</h1>
<p>Nice to see you.</p>
""")


@card(
    title="Plain text",
    about="Text in any language, in UTF-8. The header says so, and the length counts bytes, not characters.",
    view=View.TEXT,
)
def greetings() -> PlainTextResponse:
    return PlainTextResponse("Grüß Gott. Καλημέρα. Доброе утро. 你好。 Ça va ?\n")


@dataclass
class Invoice:
    number: UUID
    issued: datetime
    total: Decimal
    discount: float
    tags: set[str]


def sample_invoice() -> Invoice:
    return Invoice(
        number=UUID("6f1c2f0e-63b4-4c55-9d0c-4b8d1a6f7e21"),
        issued=datetime(2026, 3, 14, 15, 9, tzinfo=UTC),
        total=Decimal("1499.90"),
        discount=float("nan"),
        tags={"paid"},
    )


@card(
    title="JSON of your own objects",
    about="Dataclasses, dates, UUIDs, decimals, sets and NaN, without a converter. "
    "The second button gives Starlette's class each of the same values.",
    view=View.JSON,
    uses=(Invoice, sample_invoice),
    tries=(Try(label="Send the invoice"),),
)
def invoice() -> JSONResponse:
    return JSONResponse(sample_invoice())


@also(invoice, tries=(Try(label="The same with Starlette"),))
def invoice_with_starlette() -> JSONResponse:
    refused = {}
    for name, value in vars(sample_invoice()).items():
        try:
            starlette.responses.JSONResponse(value)
        except (TypeError, ValueError) as error:
            refused[name] = str(error)
    return JSONResponse(refused, status_code=500)


@card(
    title="JSON written by orjson",
    about="For those who rely on orjson's exact output: numpy arrays, keys that are no strings, dates in RFC 3339.",
    view=View.JSON,
)
def temperatures() -> ORJSONResponse:
    noon = datetime(2026, 7, 1, 12, tzinfo=UTC)
    return ORJSONResponse({noon: 31.5, noon + timedelta(hours=6): 24.25})


@card(
    title="JSON written by ujson",
    about="For those who rely on ujson's exact output: every slash is escaped, so that it can stand in a script element.",
    view=View.JSON,
)
def bookmark() -> UJSONResponse:
    return UJSONResponse({"url": "https://example.org/a/b", "title": "Füße </script>"})


@card(
    title="A redirect that stays with friends",
    about="Unicode hosts arrive in the form that browsers need. "
    "With allowed_hosts, a target that came from a stranger leads to your site and your friends, or nowhere.",
    view=View.REDIRECT,
    tries=(
        Try(label="/account"),
        Try(label="https://bücher.example/straße", query={"to": "https://bücher.example/straße"}),
        Try(label="//evil.example", query={"to": "//evil.example"}),
        Try(label="https://bücher.example@evil.example", query={"to": "https://bücher.example@evil.example"}),
        Try(label="javascript:alert(1)", query={"to": "javascript:alert(1)"}),
    ),
)
def after_login(to: str = "/account") -> RedirectResponse | PlainTextResponse:
    try:
        return RedirectResponse(to, status_code=303, allowed_hosts={"bücher.example"})
    except ValueError as error:
        return PlainTextResponse(f"{error}\n", status_code=400)


@card(
    title="A cookie, set and deleted",
    about="A cookie goes when it is deleted with the attributes that it was set with. "
    "Set it, then delete it both ways, and watch your browser's jar.",
    view=View.COOKIES,
    tries=(Try(label="Set the cookie"),),
)
def keep_theme() -> PlainTextResponse:
    response = PlainTextResponse("We shall remember.\n")
    response.set_cookie(
        "__Host-theme",
        "dark, café",
        max_age=timedelta(days=30),
        secure=True,
        httponly=True,
        partitioned=True,
    )
    return response


@also(
    keep_theme,
    tries=(
        Try(label="Delete without “partitioned”", query={"partitioned": "false"}),
        Try(label="Delete the cookie"),
    ),
)
def forget_theme(partitioned: bool = True) -> PlainTextResponse:
    response = PlainTextResponse("It is forgotten.\n")
    response.delete_cookie(
        "__Host-theme",
        secure=True,
        httponly=True,
        partitioned=partitioned,
    )
    return response


@router.get("/jar")
def jar(request: Request) -> JSONResponse:
    """What the browser sends back; other programs on this host may have put more into its jar."""
    return JSONResponse({name: value for name, value in request.cookies.items() if name == "__Host-theme"})


async def brew(order: int) -> None:
    await asyncio.sleep(0.25)
    journal.append((order, "background: the coffee is ready"))


def note(order: int, outcome: Outcome) -> None:
    how = outcome.ending.name.lower()
    sent = f"{outcome.bytes_sent} bytes in {outcome.duration * 1000:.2f} ms"
    journal.append((order, f"on_finish: {how}, status {outcome.status}, {sent}"))


@card(
    title="Work after the answer",
    about="The client has its answer at once. Then on_finish learns how the sending ended, and background work runs, "
    "once, even if the client has gone.",
    view=View.JOURNAL,
    uses=(brew, note),
    tries=(Try(label="Order another coffee"),),
)
def order_coffee() -> JSONResponse:
    order = next(numbers)
    return JSONResponse(
        {"order": order},
        status_code=202,
        headers={"Location": f"/journal/{order}"},
        background=BackgroundTask(brew, order),
        on_finish=partial(note, order),
    )


@card(
    title="An answer without a body",
    about="HEAD gets the very headers of GET. A 204 has neither content nor a content-length. "
    "A body that nobody expects would be taken for the next response.",
    view=View.FACTS,
    tries=(Try(label="GET"), Try(label="HEAD", method="HEAD")),
)
def report() -> PlainTextResponse:
    return PlainTextResponse("All is well.\n")


@also(report, tries=(Try(label="DELETE", method="DELETE"),))
def shred() -> Response:
    return Response(status_code=204)
