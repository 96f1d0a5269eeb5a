"""Targets of redirects, which may come from a user: UTF-8."""

from tests.http.test_location import host_in_a_browser, is_allowed

from rejoinder._http.location import encode_host, format_location, quote_uri

SEEDS = [
    b"/a b?next=%2F#top",
    b"//evil.example/x",
    b"https://good.example@evil.example:80/",
    b"https:/\\evil.example",
    b"http://b\xc3\xbccher.example\xe3\x80\x82com/\xc3\xa9%",
    b" java\tscript:alert(1)",
    b"https://[::1]:8080/[a]",
    b"https://a.example.com\xef\xbc\x8fevil.example/",
    b"DATA:text/html,x",
    b"/%0d%0aset-cookie: a\xed\xa0\x80",
]
ALLOWED = {"good.example", "*.example.com", "[::1]", "bücher.example", "*.bücher.example"}
SELF_CONTAINED = ("javascript:", "data:", "vbscript:")


def target(data: bytes) -> None:
    text = data.decode("utf-8", "surrogateescape")
    for allowed in (None, ALLOWED):
        try:
            location = format_location(text, allowed)
        except ValueError:
            continue
        assert location.isascii()
        assert location.isprintable()
        assert " " not in location
        assert format_location(location, allowed) == location
        assert not location.lower().startswith(SELF_CONTAINED)
        assert allowed is None or is_allowed(host_in_a_browser(location))
    try:
        assert quote_uri(quote_uri(text)) == quote_uri(text)
        assert encode_host(text[:300]).isascii()
    except ValueError:
        pass
