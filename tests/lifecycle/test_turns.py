"""Turns of the event loop: one transfer takes a step in each."""

import asyncio

import anyio
import pytest

from rejoinder._turns import turn
from rejoinder.testing import run


def rounds_of(steps: int, transfers: int, cancelled: int | None = None) -> list[tuple[int, int]]:
    """Which transfer took a step in which round of the loop."""
    taken: list[tuple[int, int]] = []
    now = 0

    async def transfer(number: int) -> None:
        for _ in range(steps):
            await turn()
            taken.append((now, number))

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


def test_one_step_in_a_round_and_nobody_twice_before_the_others() -> None:
    taken = rounds_of(steps=3, transfers=4)
    rounds = [when for when, _ in taken]
    assert rounds == list(range(rounds[0], rounds[0] + 12))
    assert [number for _, number in taken] == [0, 1, 2, 3] * 3


@pytest.mark.parametrize("cancelled", [0, 1, 2])
def test_who_is_cancelled_holds_nobody_up(cancelled: int) -> None:
    taken = rounds_of(steps=2, transfers=3, cancelled=cancelled)
    rounds = [when for when, _ in taken]
    others = [number for number in range(3) if number != cancelled]
    assert rounds == list(range(rounds[0], rounds[0] + 4))
    assert [number for _, number in taken] == others * 2


@pytest.mark.parametrize("backend", ["asyncio", "trio"])
def test_others_go_on_between_the_steps(backend: str) -> None:
    steps: list[str] = []

    async def take(name: str) -> None:
        for _ in range(3):
            await turn()
            steps.append(name)

    async def main() -> None:
        async with anyio.create_task_group() as group:
            group.start_soon(take, "a")
            group.start_soon(take, "b")

    run(main, backend=backend)
    assert sorted(steps) == ["a"] * 3 + ["b"] * 3
    assert steps not in (["a"] * 3 + ["b"] * 3, ["b"] * 3 + ["a"] * 3)
