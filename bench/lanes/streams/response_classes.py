"""The peers whose response takes a source: the same app for each, so that nothing but the library differs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

    from bench.asgi import App, Receive, Scope, Send


def app_of(response_class: Any, make: Callable[[], Any], **options: Any) -> App:
    """The bare app that answers with a response of this class, each time of a new source."""

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await response_class(make(), **options)(scope, receive, send)

    return app
