"""Threads: nobody goes on before they have ended, and what comes too late is not lost."""

import asyncio
import threading

import anyio.to_thread
import pytest

from rejoinder._sources.threads import in_thread
from rejoinder.testing import run


@pytest.mark.parametrize("discards", [True, False])
def test_a_result_that_comes_too_late(discards: bool) -> None:
    began, go_on = threading.Event(), threading.Event()
    late: list[str] = []

    def work() -> str:
        began.set()
        go_on.wait(10)
        return "result"

    async def main() -> None:
        task = asyncio.ensure_future(in_thread(work, late.append if discards else None))
        await anyio.to_thread.run_sync(began.wait)
        task.cancel()
        await asyncio.sleep(0)
        assert not task.done()
        go_on.set()
        with pytest.raises(asyncio.CancelledError):
            await task

    run(main)
    assert late == (["result"] if discards else [])


@pytest.mark.parametrize("backend", ["asyncio", "trio"])
def test_an_error(backend: str) -> None:
    async def main() -> None:
        with pytest.raises(ZeroDivisionError):
            await in_thread(lambda: 1 // 0)

    run(main, backend=backend)
