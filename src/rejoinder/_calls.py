"""Functions of the user that are called where a response is sent."""

import inspect
from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from typing import Any, TypeAlias, TypeVar, cast

from rejoinder._sources.threads import in_thread

T = TypeVar("T")
Call: TypeAlias = Callable[[], T | Awaitable[T]]


async def result_of(function: Call[T]) -> T:
    """What it returns. `async def` runs on the event loop, and all else in a thread, as endpoints of FastAPI do."""
    if _is_async(function):
        result = function()
    else:
        (result,) = await in_thread(partial(_listed, function), discard=_close)
    return await cast("Awaitable[T]", result) if inspect.isawaitable(result) else result


def _listed(function: Callable[[], T]) -> list[T]:
    """Its result in a list, since trio takes a coroutine that comes out of a thread for a mistake."""
    return [function()]


def _is_async(function: Callable[..., object]) -> bool:
    while isinstance(function, partial):
        function = function.func
    return inspect.iscoroutinefunction(function) or inspect.iscoroutinefunction(cast("Any", function).__call__)


def _close(late: Sequence[object]) -> None:
    """A coroutine that a thread has made, and that nobody is there to await."""
    for result in late:
        if inspect.iscoroutine(result):
            result.close()
