"""Time that costs none. Where a bound in real time stands, it is hours away from what a loop in real time would take."""

import asyncio
import sys
import threading
import time
from collections.abc import AsyncIterator
from typing import Any

import anyio
import anyio.to_thread
import pytest

from rejoinder._testing import clock
from rejoinder.testing import run

BACKENDS = ["asyncio", "trio"]


@pytest.mark.parametrize("backend", BACKENDS)
def test_an_hour_of_sleep_costs_no_time(backend: str) -> None:
    async def main(hours: int) -> tuple[float, float]:
        before = anyio.current_time()
        for _ in range(hours):
            await anyio.sleep(3600)
        return before, anyio.current_time()

    began = time.perf_counter()
    assert run(main, 20, backend=backend) == (0.0, 72_000.0)
    assert time.perf_counter() - began < 10


@pytest.mark.parametrize("backend", BACKENDS)
def test_tasks_wake_in_the_order_of_their_deadlines(backend: str) -> None:
    woken: list[tuple[float, float]] = []

    async def sleeper(seconds: float) -> None:
        await anyio.sleep(seconds)
        woken.append((seconds, anyio.current_time()))

    async def main() -> None:
        async with anyio.create_task_group() as tasks:
            for seconds in (3.0, 1.0, 0.25, 2.0):
                tasks.start_soon(sleeper, seconds)

    run(main, backend=backend)
    assert woken == [(0.25, 0.25), (1.0, 1.0), (2.0, 2.0), (3.0, 3.0)]


@pytest.mark.parametrize("backend", BACKENDS)
def test_time_stands_while_a_task_is_ready(backend: str) -> None:
    async def main() -> float:
        with anyio.fail_after(0.001):
            for _ in range(1000):
                await anyio.lowlevel.checkpoint()
        return anyio.current_time()

    assert run(main, backend=backend) == 0.0


def in_default_thread(function: Any) -> Any:
    return anyio.to_thread.run_sync(function)


def in_own_thread(function: Any) -> Any:
    return anyio.to_thread.run_sync(function, limiter=anyio.CapacityLimiter(1))


THREADS = {
    "asyncio, anyio": ("asyncio", in_default_thread),
    "asyncio, own limiter": ("asyncio", in_own_thread),
    "asyncio, executor": ("asyncio", asyncio.to_thread),
    "trio, anyio": ("trio", in_default_thread),
    "trio, own limiter": ("trio", in_own_thread),
}


@pytest.mark.parametrize(("backend", "in_thread"), THREADS.values(), ids=THREADS.keys())
def test_threads_are_waited_for(backend: str, in_thread: Any) -> None:
    async def main() -> list[float]:
        times = []
        with anyio.fail_after(1e-6):
            for _ in range(3):
                # In real time, and long enough for a loop that does not wait to have jumped.
                await in_thread(lambda: time.sleep(0.01))
                times.append(anyio.current_time())
        await anyio.sleep(5)
        assert backend == "trio" or not asyncio.get_running_loop().waits_for_thread()  # type: ignore[attr-defined]
        return [*times, anyio.current_time()]

    assert run(main, backend=backend) == [0.0, 0.0, 0.0, 5.0]


@pytest.mark.parametrize("backend", BACKENDS)
def test_a_thread_that_waits_for_the_future_gets_it(backend: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clock, "_REAL_SECOND", 0.01)
    later = threading.Event()

    async def main() -> float:
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(in_default_thread, later.wait)
            await anyio.sleep(60)
            later.set()
        return anyio.current_time()

    assert run(main, backend=backend) == 60.0


@pytest.mark.parametrize("backend", BACKENDS)
def test_what_waits_for_ever_is_shown(backend: str) -> None:
    async def the_culprit() -> None:
        await anyio.sleep_forever()

    with pytest.raises(TimeoutError, match="within 86400 s of virtual time") as caught:
        run(the_culprit, backend=backend)
    assert caught.value.__cause__ is not None
    frames = caught.value.__cause__.__traceback__
    names = []
    while frames is not None:
        names.append(frames.tb_frame.f_code.co_name)
        frames = frames.tb_next
    assert "the_culprit" in names


@pytest.mark.parametrize("backend", BACKENDS)
def test_results_and_errors_are_handed_on_as_they_are(backend: str) -> None:
    error = TimeoutError("its own")

    async def main(given: object) -> object:
        if given is error:
            raise error
        return given

    assert run(main, error.args, backend=backend) is error.args
    with pytest.raises(TimeoutError) as caught:
        run(main, error, backend=backend)
    assert caught.value is error


@pytest.mark.parametrize("backend", BACKENDS)
def test_async_generators_are_closed(backend: str) -> None:
    closed: list[str] = []
    kept: list[AsyncIterator[int]] = []

    async def numbers() -> AsyncIterator[int]:
        try:
            yield 1
        finally:
            closed.append("closed")

    async def main() -> None:
        kept.append(numbers())
        assert await anext(kept[0]) == 1

    run(main, backend=backend)
    assert closed == ["closed"]


def test_tasks_that_are_left_are_cancelled_and_may_take_their_time() -> None:
    ended: list[float] = []

    async def left() -> None:
        try:
            await anyio.sleep_forever()
        finally:
            await asyncio.sleep(60)
            ended.append(anyio.current_time())

    async def main() -> Any:
        task = asyncio.create_task(left())
        await anyio.sleep(1)
        return task

    assert run(main).cancelled()
    assert ended == [61.0]


def test_no_timeout_of_the_loops_own_shutdown_is_jumped_to() -> None:
    async def main() -> None:
        asyncio.get_running_loop().run_in_executor(None, time.sleep, 0.01)

    run(main)  # a warning, and so an error, if it were: "The executor did not finish joining its threads"


@pytest.mark.parametrize("backend", ["curio", "", "Trio"])
def test_an_unknown_backend(backend: str) -> None:
    with pytest.raises(ValueError, match=f'must be "asyncio" or "trio", got {backend!r}'):
        run(anyio.sleep, 0, backend=backend)


def test_a_missing_trio(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "trio.testing", None)
    with pytest.raises(ImportError, match='needs trio: pip install "trio>='):
        run(anyio.sleep, 0, backend="trio")
