"""Turns of the event loop: in each, one transfer goes on for a moment."""

import asyncio
import gc

import anyio
import pytest

from rejoinder import _turns
from rejoinder._turns import turns
from rejoinder.testing import run


class Clock:
    """A clock that each step of a transfer sets forward."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture(autouse=True)
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(_turns, "clock", clock)
    return clock


def rounds_of(
    steps: int, transfers: int, clock: Clock, cancelled: int | None = None, duration: float = _turns.MOMENT
) -> list[tuple[int, int]]:
    """Which transfer took a step, that lasts this long, in which round of the loop."""
    taken: list[tuple[int, int]] = []
    now = 0

    async def transfer(number: int) -> None:
        turn = turns()
        for _ in range(steps):
            await turn()
            taken.append((now, number))
            clock.now += duration

    async def main() -> None:
        loop = asyncio.get_running_loop()

        def count() -> None:
            nonlocal now
            now += 1
            loop.call_soon(count)

        count()
        tasks = [asyncio.create_task(transfer(number)) for number in range(transfers)]
        await asyncio.sleep(0)  # all stand in line
        if cancelled is not None:
            tasks[cancelled].cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    asyncio.run(main())
    return taken


def test_one_goes_on_in_a_round_and_nobody_twice_before_the_others(clock: Clock) -> None:
    taken = rounds_of(steps=3, transfers=4, clock=clock)
    rounds = [when for when, _ in taken]
    assert rounds == list(range(rounds[0], rounds[0] + 12))
    assert [number for _, number in taken] == [0, 1, 2, 3] * 3


def test_short_steps_go_together(clock: Clock) -> None:
    taken = rounds_of(steps=8, transfers=2, clock=clock, duration=_turns.MOMENT / 4)
    first = taken[0][0]
    assert [(when - first, number) for when, number in taken] == [
        (when, when % 2) for when in range(4) for _ in range(4)
    ]


@pytest.mark.parametrize("cancelled", [0, 1, 2])
def test_who_is_cancelled_holds_nobody_up(cancelled: int, clock: Clock) -> None:
    taken = rounds_of(steps=2, transfers=3, clock=clock, cancelled=cancelled)
    rounds = [when for when, _ in taken]
    others = [number for number in range(3) if number != cancelled]
    assert rounds == list(range(rounds[0], rounds[0] + 4))
    assert [number for _, number in taken] == others * 2


@pytest.mark.parametrize("backend", ["asyncio", "trio"])
def test_others_go_on_between_the_steps(backend: str, clock: Clock) -> None:
    steps: list[str] = []

    async def take(name: str) -> None:
        turn = turns()
        for _ in range(3):
            await turn()
            steps.append(name)
            clock.now += 1

    async def main() -> None:
        async with anyio.create_task_group() as group:
            group.start_soon(take, "a")
            group.start_soon(take, "b")

    run(main, backend=backend)
    assert sorted(steps) == ["a"] * 3 + ["b"] * 3
    assert steps not in (["a"] * 3 + ["b"] * 3, ["b"] * 3 + ["a"] * 3)


def test_a_loop_is_not_kept_alive_by_its_line() -> None:
    async def take_one() -> None:
        await turns()()

    before = len(_turns._lines)
    run(take_one, backend="asyncio")
    gc.collect()
    assert len(_turns._lines) <= before
