"""Link, as early hints have it: RFC 8288 section 3, RFC 8297."""

import re
from collections.abc import Iterable

from rejoinder._http.fields import encode_field

_is_link = re.compile(rb"<[^<> ]*>.*", re.DOTALL).fullmatch


def check_links(links: Iterable[str]) -> tuple[bytes, ...]:
    """The values of Link that a caller gave.

    Raises:
        ValueError: one that has no target in angle brackets, or a character that no header carries.

    >>> check_links(["</style.css>; rel=preload; as=style"])
    (b'</style.css>; rel=preload; as=style',)
    """
    if isinstance(links, (str, bytes)) or not isinstance(links, Iterable):
        raise ValueError(f"early_hints must be a list of links, got {links!r}; pass [{links!r}]")
    values = tuple(encode_field("link", link)[1] for link in links)
    for value in values:
        if not _is_link(value):
            raise ValueError(
                f"early hint {value.decode('latin-1')!r} is no link (RFC 8288, 3); pass for example "
                "'</style.css>; rel=preload; as=style'"
            )
    return values
