"""Content-Disposition: RFC 6266 and 8187."""

import re
from email.message import EmailMessage
from typing import Any
from urllib.parse import unquote

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rejoinder._http.disposition import content_disposition

CASES = {
    "plain, as Starlette sends it": ("a.txt", 'filename="a.txt"'),
    "blank": ("my report.pdf", 'filename="my report.pdf"'),
    "semicolon": ("a;b.txt", 'filename="a;b.txt"'),
    "apostrophe": ("it's.txt", 'filename="it\'s.txt"'),
    "accents": ("naïve café.txt", "filename=\"naive cafe.txt\"; filename*=UTF-8''na%C3%AFve%20caf%C3%A9.txt"),
    "accents, decomposed": ("cafe\u0301.txt", "filename=\"cafe.txt\"; filename*=UTF-8''cafe%CC%81.txt"),
    "Chinese": ("你好.txt", "filename=\"__.txt\"; filename*=UTF-8''%E4%BD%A0%E5%A5%BD.txt"),
    "emoji": ("👍.png", "filename=\"_.png\"; filename*=UTF-8''%F0%9F%91%8D.png"),
    "quote": ('a"b.txt', "filename=\"a_b.txt\"; filename*=UTF-8''a%22b.txt"),
    "parameter": (
        'a"; filename="evil.exe',
        "filename=\"a_; filename=_evil.exe\"; filename*=UTF-8''a%22%3B%20filename%3D%22evil.exe",
    ),
    "percent": ("100%41.txt", "filename=\"100_41.txt\"; filename*=UTF-8''100%2541.txt"),
    "attr-char": (
        "é!#$&+-.^_`|~*'()",
        "filename=\"e!#$&+-.^_`|~*'()\"; filename*=UTF-8''%C3%A9!#$&+-.^_`|~%2A%27%28%29",
    ),
    "line ends": ("a\r\nSet-Cookie: b.txt", 'filename="aSet-Cookie: b.txt"'),
    "control characters": ("a\x00\x1f\x7f\x85.txt", 'filename="a.txt"'),
    "line separator": ("a\u2028.txt", 'filename="a.txt"'),
    "turned writing": ("a\u202egpj.exe", 'filename="agpj.exe"'),
    "path": ("../../etc/passwd", 'filename="passwd"'),
    "Windows path": ("C:\\Users\\me\\a.txt", 'filename="a.txt"'),
    "wide slashes": ("..／..／passwd", "filename=\".._.._passwd\"; filename*=UTF-8''..%EF%BC%8F..%EF%BC%8Fpasswd"),
    "wide dots": ("．．", "filename=\"download\"; filename*=UTF-8''%EF%BC%8E%EF%BC%8E"),
    "empty": ("", 'filename="download"'),
    "blanks": ("  ", 'filename="download"'),
    "directory": ("a/", 'filename="download"'),
    "dot": (".", 'filename="download"'),
    "dots": ("..", 'filename="download"'),
    "only control characters": ("\r\n", 'filename="download"'),
    "hidden file": (".bashrc", 'filename=".bashrc"'),
    "lone surrogate": ("a\ud800.txt", "filename=\"a_.txt\"; filename*=UTF-8''a%EF%BF%BD.txt"),
    "undecodable name of a file": ("a\udcff.txt", "filename=\"a_.txt\"; filename*=UTF-8''a%EF%BF%BD.txt"),
    "over-long": ("a" * 300 + ".txt", f'filename="{"a" * 251}.txt"'),
    "over-long, no extension": ("a" * 300, f'filename="{"a" * 255}"'),
    "over-long, hidden": ("." + "a" * 300, f'filename=".{"a" * 254}"'),
    "over-long, dots and spaces at first": ("." * 10 + " " * 300 + "x", 'filename="download"'),
    "over-long, spaces at the cut": ("a" + " " * 300 + "x", 'filename="a"'),
    "over-long extension": ("a." + "b" * 300, f'filename="a.{"b" * 253}"'),
}


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_name(case: Any) -> None:
    """Nothing in a name reaches the header that could harm; `filename*` only where ASCII is not enough."""
    filename, expected = case
    assert content_disposition(filename) == f"attachment; {expected}"


def test_over_long_names_are_cut_between_characters() -> None:
    """255 octets are what file systems take."""
    header = content_disposition("你" * 200 + ".txt")
    name = unquote(header.partition("''")[2])
    assert name == "你" * 83 + ".txt"
    assert len(name.encode()) <= 255


def test_type() -> None:
    """As it was given."""
    assert content_disposition("a.txt", "inline") == 'inline; filename="a.txt"'


@pytest.mark.parametrize("kind", ["", "a b", "a;b", 'a"', "attachment\r\n", "é"])
def test_type_must_be_a_token(kind: str) -> None:
    """It is written by the programmer, so it is an error."""
    with pytest.raises(ValueError, match="disposition type must be a token"):
        content_disposition("a.txt", kind)


@settings(deadline=None, derandomize=True)
@given(st.text(st.characters(codec=None)) | st.text('ab."\\/%;= \r\n\x00\ud800é／．'))
def test_any_name(filename: str) -> None:
    """Any str gives a header of known shape, which the standard library reads as one name that is no path."""
    header = content_disposition(filename)
    assert re.fullmatch(
        r"attachment; filename=\"[ !#$&-.0-\[\]-~]+\"(; filename\*=UTF-8''([A-Za-z0-9!#$&+\-.^_`|~]|%[0-9A-F]{2})+)?",
        header,
    )
    message = EmailMessage()
    message["Content-Disposition"] = header
    name = message.get_filename()
    assert name
    assert not set(name) & set("/\\\r\n\0")
    assert name.strip(". ")
