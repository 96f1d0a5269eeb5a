"""Names of files, which may come from a user: UTF-8."""

from email.message import Message
from urllib.parse import unquote

from rejoinder._http.disposition import content_disposition
from rejoinder._http.fields import encode_field
from rejoinder._http.media import guess_media_type

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
    read = Message()
    read["content-disposition"] = value.partition("; filename*=")[0]
    assert [name for name, _ in read.get_params(header="content-disposition") or ()] == ["attachment", "filename"]
    encoded = value.partition("; filename*=UTF-8''")[2]
    for name in (read.get_filename() or "", unquote(encoded, errors="strict") or "x"):
        assert name.strip(". ")
        assert not set(name) & set("/\\\0\r\n")
