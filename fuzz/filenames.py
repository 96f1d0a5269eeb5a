"""Names of files, which may come from a user: UTF-8."""

import re
from urllib.parse import unquote

from rejoinder._http.disposition import content_disposition
from rejoinder._http.fields import encode_field
from rejoinder._http.media import guess_media_type

_is_disposition = re.compile(
    r"""attachment; filename="(?P<plain>[^"\\]+)"(?:; filename\*=UTF-8''(?P<encoded>[!#$&+\-.^_`|~0-9A-Za-z%]+))?"""
).fullmatch
SEEDS = [
    b"a.txt",
    "报告 “终稿”.txt".encode(),
    b'"; filename=b.exe.txt',
    b"../../etc/passwd\0.gz",
    b"C:\\con",
    b"\xed\xb2\x80.tar.gz",
    b"..",
    b"%41\r\nx: y",
    b"." * 10 + b" " * 300 + b"x",
]


def target(data: bytes) -> None:
    filename = data.decode("utf-8", "surrogateescape")
    assert "/" in guess_media_type(filename)
    value = content_disposition(filename)
    assert encode_field("content-disposition", value) == (b"content-disposition", value.encode("ascii"))
    read = _is_disposition(value)
    assert read
    for name in (read["plain"], unquote(read["encoded"] or "x", errors="strict")):
        assert name.strip(". ")
        assert not set(name) & set("/\\\0\r\n")
