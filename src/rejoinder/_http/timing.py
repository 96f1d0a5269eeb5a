"""Server-Timing: W3C Server Timing, section 3."""

from collections.abc import Iterable, Mapping
from datetime import timedelta
from typing import Self, TypeAlias

from rejoinder._http.fields import Field, encode_field

Duration: TypeAlias = float | timedelta
_FOREVER = float("inf")


class ServerTiming(str):
    r"""One metric of Server-Timing, as a browser's developer tools and `PerformanceServerTiming` show it.

    It is a text, the value of the field, so it can also be the value of a trailer.

    Args:
        name: of the metric, a token, such as `db`.
        dur: how long it took, in milliseconds, or as a timedelta.
        desc: what it is, in latin-1, for people. It may have any character but control characters.

    Raises:
        ValueError: a name that is no token, a duration that is no number, a description that no header carries.

    >>> ServerTiming("db", 53.2, 'the "users" table')
    'db;dur=53.2;desc="the \\"users\\" table"'
    """

    __slots__ = ()

    def __new__(cls, name: str, dur: Duration | None = None, desc: str | None = None) -> Self:
        """Check the parts, and put them together."""
        encode_field(name, "")  # refused if it is no token; as a name of a field, but with its capitals
        parts = [name]
        if dur is not None:
            parts.append(f"dur={_milliseconds(name, dur)}")
        if desc is not None:
            # RFC 9110, 5.6.4: quoted-string.
            quoted = desc.replace("\\", r"\\").replace('"', r"\"")
            parts.append(f'desc="{quoted}"')
        text = ";".join(parts)
        encode_field("server-timing", text)
        return super().__new__(cls, text)

    def __reduce__(self) -> tuple[type[str], tuple[str]]:
        """Copied and pickled as the text that it is."""
        return str, (str(self),)


Timings: TypeAlias = ServerTiming | Iterable[ServerTiming] | Mapping[str, Duration]


def format_timings(timings: Timings) -> Field:
    """The field for these metrics, or for the durations of these names.

    Raises:
        ValueError: something else, or what `ServerTiming` refuses.

    >>> format_timings({"db": 53.2, "render": timedelta(milliseconds=4)})
    (b'server-timing', b'db;dur=53.2, render;dur=4')
    """
    if isinstance(timings, Mapping):
        metrics: list[object] = [ServerTiming(name, duration) for name, duration in timings.items()]
    elif isinstance(timings, str) or not isinstance(timings, Iterable):
        metrics = [timings]
    else:
        metrics = list(timings)
    for metric in metrics:
        if not isinstance(metric, ServerTiming):
            raise ValueError(
                f'server_timing must be ServerTiming("db", 53.2), several of them, or {{"db": 53.2}}; got {metric!r}'
            )
    return encode_field("server-timing", ", ".join(map(str, metrics)))


def _milliseconds(name: str, duration: object) -> str:
    value = duration / timedelta(milliseconds=1) if isinstance(duration, timedelta) else duration
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 <= value < _FOREVER:
        raise ValueError(f"dur of {name} must be milliseconds, 0 or more, or a timedelta; got {duration!r}")
    return f"{value:.3f}".rstrip("0").rstrip(".")
