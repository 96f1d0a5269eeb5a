"""Which names a server that only this machine can reach answers to.

A page of any site may have its own name resolve to 127.0.0.1 once it is loaded (DNS rebinding). The browser takes this
server for that site then, and lets the page read every file. What it cannot change is the Host field, which has the
site's name. So names that nobody else can have resolved are answered to, and no others: addresses, `localhost` and what
is below it (RFC 6761, 6.3), and the name that the user gave with --host.
"""

import ipaddress
import re

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

from rejoinder._response import PlainTextResponse

_host = re.compile(r"(?:\[(?P<address>[0-9a-f:.]+)\]|(?P<name>[^:\[\]]*))(?::[0-9]*)?", re.IGNORECASE)


class LocalHosts:
    """Middleware that answers requests to foreign names with 421 (RFC 9110, 15.5.20)."""

    def __init__(self, app: ASGIApp, name: str) -> None:
        self._app = app
        self._name = name.lower()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answers, or passes on. A request without a Host is of no browser."""
        hosts = Headers(scope=scope).getlist("host")
        app = self._app if all(map(self._is_local, hosts)) else _REFUSAL
        await app(scope, receive, send)

    def _is_local(self, host: str) -> bool:
        found = _host.fullmatch(host)
        if found is None:
            return False
        name = (found["address"] or found["name"]).lower().removesuffix(".")
        return name in {"localhost", self._name} or name.endswith(".localhost") or _is_address(name)


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True


_REFUSAL = PlainTextResponse(
    "This server answers to localhost and to addresses only, so that no site can read its files under a name of its "
    "own (DNS rebinding). With --host NAME it answers to that name too, with --cors to any.\n",
    421,
)
