"""Alarms: one timer of the event loop for all streams that are to be woken at about the same time.

Each idle stream has a keep-alive to send in some seconds, and a timer of its own would be a tenth of all that it costs.
Those that are at least a second away are therefore put off to the next tick, and share it.
"""

import asyncio
import math
from typing import Protocol
from weakref import WeakKeyDictionary

_NEAR = 1.0  # seconds up to which an alarm is exact
_TICKS = 64  # a second

_alarms_of: "WeakKeyDictionary[asyncio.AbstractEventLoop, dict[float, Alarm]]" = WeakKeyDictionary()


class Sleeper(Protocol):
    """Who is to be woken."""

    def ring(self) -> None:
        """Called when it is time."""
        ...


def alarm_at(when: float, loop: asyncio.AbstractEventLoop, sleeper: Sleeper) -> "Alarm":
    """Have it woken when the loop's time is there. It is taken back with `Alarm.forget`."""
    if when - loop.time() >= _NEAR:
        when = math.ceil(when * _TICKS) / _TICKS
    alarms = _alarms_of.get(loop)
    if alarms is None:
        alarms = _alarms_of[loop] = {}
    alarm = alarms.get(when)
    if alarm is None:
        alarm = alarms[when] = Alarm(when, loop, alarms)
    alarm.sleepers[sleeper] = None
    return alarm


class Alarm:
    """Who is woken at one time."""

    __slots__ = ("_alarms", "_timer", "_when", "sleepers")

    def __init__(self, when: float, loop: asyncio.AbstractEventLoop, alarms: "dict[float, Alarm]") -> None:
        self.sleepers: dict[Sleeper, None] = {}
        self._when = when
        self._alarms = alarms
        self._timer = loop.call_at(when, self._ring)

    def forget(self, sleeper: Sleeper) -> None:
        """Do not wake it."""
        self.sleepers.pop(sleeper, None)
        if not self.sleepers:
            self._timer.cancel()
            self._alarms.pop(self._when, None)

    def _ring(self) -> None:
        del self._alarms[self._when]
        sleepers, self.sleepers = self.sleepers, {}
        for sleeper in sleepers:
            sleeper.ring()
