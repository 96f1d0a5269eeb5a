"""The peers whose `FileResponse` takes a path: the same app for each, so that nothing but the library differs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

    from bench.asgi import App, Receive, Scope, Send


def app_of(response_class: Any) -> Callable[[str], App]:
    """Makes, for a directory, the bare app that answers with a response of this class."""

    def make(directory: str) -> App:
        async def app(scope: Scope, receive: Receive, send: Send) -> None:
            await response_class(directory + scope["path"])(scope, receive, send)

        return app

    return make
