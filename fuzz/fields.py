"""Header fields that an application makes of what a user wrote: a line with the name, then the value."""

import re

from rejoinder._http.fields import checked, combine, encode_field, encode_headers
from rejoinder._http.links import check_links

SEEDS = [
    b"x-total\n3",
    b"X-User\n \tcaf\xc3\xa9\t ",
    b"x\nevil\r\nset-cookie: a=b",
    b"link\n</style.css>; rel=preload; as=style",
    b"x y\nz\0",
    b"\xc3\xbc\nz\xe2\x82\xac",
    b"\n\x7f",
]
_is_field = re.compile(rb"[!#$%&'*+\-.^_`|~0-9a-z]+:(?![\t ])[\t -~\x80-\xff]*(?<![\t ])").fullmatch


def target(data: bytes) -> None:
    name, _, value = data.partition(b"\n")
    for given in ((name, value), (name.decode("utf-8", "surrogateescape"), value.decode("utf-8", "surrogateescape"))):
        try:
            field = encode_field(*given)
        except ValueError:
            continue
        assert _is_field(b":".join(field))
        assert checked([field]) == encode_headers([given]) == [field]
        assert combine([field, field], {field[0]}) == {field[0]: field[1] + b", " + field[1]}
    try:
        (link,) = check_links([value.decode("latin-1")])
    except ValueError:
        return
    assert _is_field(b"link:" + link)
