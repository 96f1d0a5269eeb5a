"""What `rejoinder serve` tells of each request: one line, when it has been answered."""

import os
import time
from collections.abc import Callable
from datetime import datetime
from typing import TextIO
from urllib.parse import quote

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from rejoinder._listing.size import format_size
from rejoinder._send import START

_COLOURS = {2: "32", 3: "36", 4: "33", 5: "31"}  # green, cyan, yellow, red


def wants_colour(stream: TextIO) -> bool:
    """Whether it is a terminal whose user has not asked for no colours (no-color.org)."""
    return stream.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"


def printable(text: str) -> str:
    r"""The text with everything percent-encoded that does not show as a character of its own.

    So no client writes a line of the log, moves the cursor, or has the terminal do anything else.

    >>> printable("/Füße \x1b[2J\n")
    '/Füße %1B[2J%0A'
    """
    if text.isprintable():
        return text
    return "".join(
        character if character.isprintable() else quote(character, errors="surrogatepass") for character in text
    )


class AccessLog:
    """Middleware that tells of each request."""

    def __init__(self, app: ASGIApp, tell: Callable[[str], None], *, colour: bool) -> None:
        self._app = app
        self._tell = tell
        self._colour = colour

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Passes everything on, and counts."""
        started, status, size, complete = time.perf_counter(), 500, 0, False

        async def count(message: Message) -> None:
            nonlocal status, size, complete
            await send(message)
            if message["type"] == START:
                status = message["status"]
            else:
                size += len(message.get("body", b""))
                complete = not message.get("more_body", False)

        try:
            await self._app(scope, receive, count)
        finally:
            duration = time.perf_counter() - started
            self._tell(self._line(scope, status, size, duration, complete=complete))

    def _line(self, scope: Scope, status: int, size: int, duration: float, *, complete: bool) -> str:
        code = f"\x1b[{_COLOURS[status // 100]}m{status}\x1b[0m" if self._colour else f"{status}"
        target = scope["path"] + ("?" + scope["query_string"].decode("latin-1") if scope["query_string"] else "")
        return (
            f"{datetime.now().astimezone():%H:%M:%S}  {printable(scope['method']):<4}  {code}  {format_size(size):>6}  "
            f"{_format_duration(duration):>8}  {printable(target)}{'' if complete else '  (cut off)'}"
        )


def _format_duration(seconds: float) -> str:
    return f"{seconds * 1000:.1f} ms" if seconds < 1 else f"{seconds:.1f} s"
