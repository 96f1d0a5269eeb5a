"""A case: what is asked of every peer, and how its answer is known to be right."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from bench.asgi import Answer


@dataclass(frozen=True)
class Case:
    """One row of the tables."""

    name: str
    """The key in every peer's `cases`, and the path at which a server answers it."""
    title: str
    check: Callable[[Answer], None]
    """Raises `AssertionError` if the answer is not what this case asks for."""
    quick: bool = True
    """Whether `--quick` takes it behind a server too, where a slice lasts a second."""


class WrongAnswerError(Exception):
    """A peer does not answer a case as it should, so timing it would mean nothing."""


def verify(peer: str, case: Case, answer: Answer) -> None:
    """Raise unless the answer is right."""
    try:
        case.check(answer)
    except AssertionError as error:
        raise WrongAnswerError(f"{peer}, {case.name}: {error} (status {answer.status})") from error
