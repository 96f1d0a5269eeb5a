"""What an intermediary passes on, and where to."""

import pytest

from rejoinder._http.forwarding import forward_request, forward_response, override, path_beneath

Fields = list[tuple[bytes, bytes]]


@pytest.mark.parametrize(
    ("given", "passed"),
    [
        pytest.param([(b"connection", b"close")], [], id="Connection itself"),
        pytest.param([(b"connection", b"close, X-Hop"), (b"x-hop", b"1"), (b"a", b"1")], [(b"a", b"1")], id="named by it"),
        pytest.param([(b"connection", b"a"), (b"connection", b"b"), (b"a", b"1"), (b"b", b"1")], [], id="named by two"),
        pytest.param([(b"connection", b" ,,x ;, \t"), (b"a", b"1")], [(b"a", b"1")], id="a Connection of nonsense"),
        pytest.param([(b"Keep-Alive", b"1"), (b"KEEP-ALIVE", b"2")], [], id="in any case"),
        *[
            pytest.param([(name, b"1"), (b"a", b"1")], [(b"a", b"1")], id=name.decode())
            for name in (
                b"keep-alive", b"proxy-authenticate", b"proxy-authentication-info", b"proxy-authorization",
                b"proxy-connection", b"te", b"trailer", b"transfer-encoding", b"upgrade",
            )
        ],
        pytest.param([(b"x", b"1"), (b"x", b"2")], [(b"x", b"1"), (b"x", b"2")], id="repeats are kept"),
        pytest.param(
            [(b"range", b"bytes=0-1"), (b"if-range", b'"a"'), (b"content-length", b"3"), (b"content-encoding", b"gzip")],
            [(b"range", b"bytes=0-1"), (b"if-range", b'"a"'), (b"content-length", b"3"), (b"content-encoding", b"gzip")],
            id="what is end to end",
        ),
    ],
)  # fmt: skip
def test_fields_of_one_hop_stay_here(given: Fields, passed: Fields) -> None:
    assert forward_request(given, "1.1", None) == passed
    assert forward_response(given, "1.1", None) == passed


def test_host_and_expect_are_of_the_request_that_came() -> None:
    fields = [(b"host", b"a"), (b"expect", b"100-continue"), (b"date", b"now"), (b"accept", b"*/*")]
    assert forward_request(fields, "1.1", None) == [(b"date", b"now"), (b"accept", b"*/*")]


@pytest.mark.parametrize(
    ("given", "passed"),
    [
        pytest.param([(b"cookie", b"a=1")], [(b"cookie", b"a=1")], id="one"),
        pytest.param(
            [(b"cookie", b"a=1"), (b"x", b"1"), (b"Cookie", b"b=2; c=3"), (b"cookie", b"d=4")],
            [(b"x", b"1"), (b"cookie", b"a=1; b=2; c=3; d=4")],
            id="as browsers send them over HTTP/2",
        ),
        pytest.param([(b"cookie", b"a=1"), (b"cookie", b"b=2"), (b"connection", b"cookie")], [], id="of one hop"),
    ],
)
def test_an_upstream_gets_all_cookies_in_one_field(given: Fields, passed: Fields) -> None:
    assert forward_request(given, "2", None) == passed


@pytest.mark.parametrize(
    "name", [b"date", b"server", b"x-sendfile", b"x-lighttpd-send-file", b"x-accel-redirect", b"X-Accel-Buffering"]
)
def test_what_a_server_of_ours_would_say_or_obey_is_not_said_by_an_upstream(name: bytes) -> None:
    assert forward_response([(name, b"/protected/secret"), (b"set-cookie", b"a=1")], "1.1", None) == [
        (b"set-cookie", b"a=1")
    ]


@pytest.mark.parametrize(
    "fields",
    [
        pytest.param([(b"content-length", b"5"), (b"content-length", b"6")], id="two lengths"),
        pytest.param([(b"content-length", b"5"), (b"content-length", b"5")], id="the same length, twice"),
        pytest.param([(b"content-length", b"5, 5")], id="in a list"),
        *[
            pytest.param([(b"content-length", value)], id=f"the length {value!r}")
            for value in (b"", b"+5", b"5_0", b"-0", b"0x5", b"\xb2", b"5 5")
        ],
        pytest.param([(b"x\xd4", b"1")], id="a name that is no token"),
        pytest.param([(b"x", b"a\nb")], id="a line end"),
        pytest.param([(b"x", b"a\0b")], id="NUL"),
    ],
)
def test_what_others_read_in_another_way_is_not_passed_on(fields: Fields) -> None:
    for forward in (forward_request, forward_response):
        with pytest.raises(ValueError, match=r"length|name|control character"):
            forward(fields, "1.1", None)
        assert forward([*fields, (b"transfer-encoding", b"chunked"), (b"connection", b"x, x\xd4, ")], "1.1", None) == []


def test_via_is_added_after_those_before() -> None:
    assert forward_request([(b"via", b"1.0 a")], "2", "b") == [(b"via", b"1.0 a"), (b"via", b"2 b")]
    assert forward_response([], "1.1", "b") == [(b"via", b"1.1 b")]


def test_cookies_are_added_and_others_replaced() -> None:
    upstream = [(b"set-cookie", b"a=1"), (b"x", b"1"), (b"x", b"2")]
    ours = [(b"set-cookie", b"b=2"), (b"x", b"3")]
    assert override(upstream, ours) == [(b"set-cookie", b"a=1"), (b"set-cookie", b"b=2"), (b"x", b"3")]


@pytest.mark.parametrize(
    ("base", "path", "query", "target"),
    [
        pytest.param(b"/", b"/", b"", b"/", id="the root"),
        pytest.param(b"", b"", b"", b"/", id="nothing"),
        pytest.param(b"/api", b"/a/b", b"", b"/api/a/b", id="beneath"),
        pytest.param(b"/api/", b"a/b/", b"x=1&y", b"/api/a/b/?x=1&y", id="slashes and a query"),
        pytest.param(b"/api", b"//evil.example/x", b"", b"/api//evil.example/x", id="an empty segment is no host"),
        pytest.param(b"/", b"@evil.example", b"", b"/@evil.example", id="no user information"),
        pytest.param(b"/", b"http://evil.example/", b"", b"/http://evil.example/", id="an absolute target"),
        pytest.param(b"/", b"/a%2Fb%20c%25", b"", b"/a%2Fb%20c%25", id="what is encoded stays so"),
        pytest.param(b"/", b"/a b\xc3\xa9", b"q=\xc3 #?", b"/a%20b%C3%A9?q=%C3%20%23?", id="what is not, is"),
        pytest.param(b"/", b"/a\r\nX: 1", b"b\r\nX: 1", b"/a%0D%0AX:%201?b%0D%0AX:%201", id="line ends"),
        pytest.param(b"/", b"/a?b#c", b"", b"/a%3Fb%23c", id="a path has no query"),
        pytest.param(b"/api", b"/...", b"", b"/api/...", id="three dots are a name"),
        pytest.param(b"/api", b"/a/..b/c..", b"../..", b"/api/a/..b/c..?../..", id="dots in names and queries"),
        pytest.param(b"/api", b"/%252e%252e/a", b"", b"/api/%252e%252e/a", id="encoded twice is a name"),
        *[
            pytest.param(b"/api", path, b"", None, id=path.decode())
            for path in (
                b"/..", b"/../", b"/a/../../b", b"..", b"/%2e%2e/b", b"/.%2E/b", b"/..%2fb", b"/a%2f..%2f..%2fb",
                b"/..\\b", b"/a%5c..%5cb", b"/..;a=b/c", b"/..%3ba/c", b"/.", b"/./a",
            )
        ],
    ],
)  # fmt: skip
def test_a_path_leads_to_what_is_beneath_or_nowhere(
    base: bytes, path: bytes, query: bytes, target: bytes | None
) -> None:
    assert path_beneath(base, path, query) == target
