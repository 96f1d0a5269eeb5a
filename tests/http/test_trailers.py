"""Trailers and early hints: what may be among them."""

import hashlib
from base64 import b64encode
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rejoinder._http.digests import Digest
from rejoinder._http.links import check_links
from rejoinder._http.trailers import Trailers, check_trailers

CONTENT_DIGEST = Digest(b"content-digest", "sha-256")


def test_what_is_told_at_the_end() -> None:
    rows = 0
    trailers = Trailers(check_trailers({"X-Rows": lambda: rows, "server-timing": "a"}), [CONTENT_DIGEST])
    assert trailers.names() == (b"trailer", b"x-rows, server-timing, content-digest")
    rows = 3
    trailers.feed(b"a")
    trailers.feed(b"b")
    digest = b"sha-256=:%s:" % b64encode(hashlib.sha256(b"ab").digest())
    assert trailers.end() == [(b"x-rows", b"3"), (b"server-timing", b"a"), (b"content-digest", digest)]


@pytest.mark.parametrize(
    ("trailers", "text"),
    [
        pytest.param({"Content-Length": 3}, "no meaning after the content", id="framing"),
        pytest.param({"set-cookie": "a=b"}, "no meaning after the content", id="a cookie"),
        pytest.param({"Trailer": "a"}, "no meaning after the content", id="itself"),
        pytest.param({"a b": "c"}, "not a token", id="name"),
        pytest.param({"a": "b\r\nc: d"}, "control character", id="value"),
        pytest.param({"a": 1.5}, "str, int or bytes", id="type"),
        pytest.param([("a", "b")], "must be a mapping", id="pairs"),
    ],
)
def test_trailers_refused(trailers: Any, text: str) -> None:
    with pytest.raises(ValueError, match=text):
        check_trailers(trailers)


@given(st.text() | st.binary())
def test_a_function_cannot_return_two_trailers(value: Any) -> None:
    try:
        fields = Trailers(check_trailers({"a": lambda: value}), []).end()
    except ValueError:
        return
    assert len(fields) == 1
    assert not {*b"\r\n\0"} & {*fields[0][1]}


@pytest.mark.parametrize(
    ("links", "text"),
    [
        pytest.param("</a>; rel=preload", "must be a list", id="one text"),
        pytest.param(b"</a>", "must be a list", id="bytes"),
        pytest.param(3, "must be a list", id="a number"),
        pytest.param(["/style.css"], "is no link", id="no brackets"),
        pytest.param(["</a b>"], "is no link", id="space"),
        pytest.param([""], "is no link", id="empty"),
        pytest.param(["</a>\r\nx: y"], "control character", id="two headers"),
    ],
)
def test_links_refused(links: Any, text: str) -> None:
    with pytest.raises(ValueError, match=text):
        check_links(links)


def test_links() -> None:
    assert check_links(["<https://cdn.example>; rel=preconnect", "</a.css>; rel=preload, </b.js>; rel=preload"]) == (
        b"<https://cdn.example>; rel=preconnect",
        b"</a.css>; rel=preload, </b.js>; rel=preload",
    )
