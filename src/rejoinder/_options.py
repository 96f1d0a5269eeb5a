"""What a response says beside its content, as keyword arguments: the same for all classes, so written once.

They are passed on as a whole, `**options`: a response without any, the usual one, pays for none of them.
"""

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, Literal, TypeAlias, TypedDict

from rejoinder._http.dates import format_date
from rejoinder._http.digests import Algorithm
from rejoinder._http.fields import Field, encode_field, set_field
from rejoinder._http.negotiation import add_vary
from rejoinder._http.timing import Timings, format_timings
from rejoinder._http.trailers import TrailerValue

DigestOption: TypeAlias = Algorithm | bool


class Options(TypedDict, total=False):
    """What every class takes by keyword.

    Each of these wins over a field of the same name among `headers`; `vary` adds to it.
    """

    cache_control: str | None
    """What caches may do, as `CacheControl(max_age=60)` or as a text (RFC 9111, 5.2)."""
    expires: datetime | timedelta | None
    """Until when it is fresh, an aware datetime, or from now on (RFC 9111, 5.3). `max_age` wins over it."""
    vary: str | Iterable[str] | None
    """The name of a request's field on which the answer depends, or several, or `*` (RFC 9110, 12.5.5)."""
    server_timing: Timings | None
    """What took how long, as `{"db": 53.2}` in milliseconds, or with `ServerTiming`."""
    content_digest: DigestOption
    """A digest of the octets that are sent: True or "sha-256", "sha-512" (RFC 9530, 2)."""
    repr_digest: DigestOption
    """A digest of the representation, whatever part of it is sent: as `content_digest` (RFC 9530, 3)."""


class LazyOptions(Options, total=False):
    """What `Response.lazy` hands on; and all whose content is made, take."""

    filename: str | None
    """The name to save the content under, as an attachment (RFC 6266); may come from a user."""
    early_hints: Iterable[str] | None
    """Links for the client to follow while the content is made, as `"</style.css>; rel=preload; as=style"` (RFC 8297);
    sent where the server offers it."""


class ContentOptions(LazyOptions, total=False):
    """What the classes take whose content is in memory."""

    etag: str | Literal[True] | None
    """An entity tag, as `abc`, `"abc"` or `W/"abc"`; True for a hash of the content (RFC 9110, 8.8.3)."""
    last_modified: datetime | None
    """When the content was last changed, an aware datetime (RFC 9110, 8.8.2)."""


class SendingOptions(LazyOptions, total=False):
    """What the streams take beside what is about the sending."""

    etag: str | None
    last_modified: datetime | None
    trailers: Mapping[str, TrailerValue] | None
    """Fields to follow the content (RFC 9110, 6.5): values, or functions that return one when all of it is there; sent
    where the server offers it."""


def check_names(response: object, options: Mapping[str, Any], known: frozenset[str]) -> None:
    """Refuse what is no option, as Python does it.

    Raises:
        TypeError: there is no such option.
    """
    if not options.keys() <= known:
        name = next(name for name in options if name not in known)
        raise TypeError(f"{type(response).__name__}.__init__() got an unexpected keyword argument {name!r}")


def tell(fields: list[Field], options: Options) -> None:
    """Put into the header section what the options say.

    Raises:
        ValueError: what cannot be sent: the message says what can.
    """
    if (cache_control := options.get("cache_control")) is not None:
        set_field(fields, encode_field("cache-control", cache_control))
    if (expires := options.get("expires")) is not None:
        set_field(fields, (b"expires", _format_expires(expires)))
    if (vary := options.get("vary")) is not None:
        for name in [vary] if isinstance(vary, str) else vary:
            fields[:] = add_vary(fields, encode_field(name, "")[0])
    if (timings := options.get("server_timing")) is not None:
        set_field(fields, format_timings(timings))


def _format_expires(expires: datetime | timedelta) -> bytes:
    try:
        moment = datetime.now(UTC) + expires if isinstance(expires, timedelta) else expires
    except OverflowError:
        raise ValueError(f"expires is {expires!r} from now, which no date can tell; pass for example a year") from None
    if not isinstance(moment, datetime):
        raise ValueError(f"expires must be an aware datetime, or a timedelta from now, got {expires!r}")
    return format_date(moment).encode()
