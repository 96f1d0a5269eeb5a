"""RFC 9110, section 10.2.2: where a redirect leads, and where it must not."""

import re
from urllib.parse import unquote

import idna
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from starlette.responses import RedirectResponse as StarletteRedirectResponse

from rejoinder._http import location as location_module
from rejoinder._http.location import encode_host, format_location, quote_uri

BASE = "site.example"
ALLOWED = ["good.example", "*.Example.com", "::1", "bücher.example", "*.Bücher.example"]


def host_in_a_browser(location: str) -> str | None:
    """The host that the URL standard of the WHATWG finds, at `//site.example/a/b`; None where it finds none.

    https://url.spec.whatwg.org/#concept-basic-url-parser, with one thing more than there: percent-decoding of the host
    comes before it is cut off, so that a reader who does it in the wrong order is considered, too.
    """
    text = re.sub(r"[\t\r\n]", "", location.strip("".join(map(chr, range(33))))).replace("\\", "/")
    scheme = re.match(r"([a-zA-Z][a-zA-Z0-9+.-]*):", text)
    if scheme:
        if scheme[1].lower() not in {"http", "https"}:
            return None
        # With the scheme of the base, `https:a` is a path; with the other one, a host. The worse counts.
        text = "//" + text[scheme.end() :].lstrip("/")
    if not text.startswith("//"):
        return BASE
    authority = re.split(r"[/?#]", unquote(re.split(r"[/?#]", text.lstrip("/"))[0]))[0]
    host = re.sub(r":[^\]]*$", "", authority.rpartition("@")[2]).lower()
    return host if host.isascii() else idna.encode(host, uts46=True).decode()


def is_allowed(host: str | None) -> bool:
    return host in {BASE, "good.example", "[::1]", "xn--bcher-kva.example"} or bool(
        re.fullmatch(r"([a-z0-9_-]+\.)+(example\.com|xn--bcher-kva\.example)", host or "")
    )


class TestQuoting:
    @pytest.mark.parametrize(
        "url",
        [
            *("/", "", "/a/b", "a/b", "../b", "?a=b&c=d", "#top", "/a?b=c#d", "/a b", "/é?ü=ö#ß", "/a%20b", "//a.example/b"),
            *("https://a.example", "https://a.example:8443/a?b#c", "http://u:p@a.example/", "http://[::1]:80/a"),
            *("mailto:a@b.example", "myapp://open?x=1", "/a;b=c,d'(e)*!$&+=:@", "/~a_b-c.d", '/<a>"b"{c}|d\\e^f`g', "/a[0]"),
        ],
    )  # fmt: skip
    def test_ordinary_urls_are_written_as_starlette_does(self, url: str) -> None:
        assert format_location(url, None) == StarletteRedirectResponse(url).headers["location"]

    @pytest.mark.parametrize(
        ("url", "location"),
        [
            pytest.param("/100%", "/100%25", id="stray percent at the end"),
            pytest.param("/%zz%4%41", "/%25zz%254%41", id="stray percents before others"),
            pytest.param("/%é", "/%25%C3%A9", id="stray percent before what is quoted"),
            pytest.param("  /a b  ", "/a%20b", id="spaces around"),
            pytest.param("\u00a0/a", "%C2%A0/a", id="other white space around"),
            pytest.param("https://bücher.example/ü", "https://xn--bcher-kva.example/%C3%BC", id="IDNA"),
            pytest.param("//Bücher.example", "//xn--bcher-kva.example", id="IDNA without scheme"),
            pytest.param("https://a。example/", "https://a.example/", id="ideographic full stop"),
            pytest.param("https://faß.example", "https://xn--fa-hia.example", id="IDNA 2008: ß stays"),
            pytest.param("https://ü:p@é.example:80/", "https://%C3%BC:p@xn--9ca.example:80/", id="IDNA and user"),
            pytest.param("https://ü@a.example/", "https://%C3%BC@a.example/", id="user beyond ASCII"),
            pytest.param(
                "https://é.example/?n=é.example", "https://xn--9ca.example/?n=%C3%A9.example", id="host twice"
            ),
            pytest.param("https://A_b.example/", "https://A_b.example/", id="ASCII hosts as they are"),
        ],
    )
    def test_where_starlette_is_wrong(self, url: str, location: str) -> None:
        assert format_location(url, None) == location

    @pytest.mark.parametrize("host", ["bücher.example", ".bücher.example"])
    def test_a_dot_before_a_host_stays(self, host: str) -> None:
        assert encode_host(host) == host.replace("bücher", "xn--bcher-kva")


class TestRefused:
    @pytest.mark.parametrize("control", [*map(chr, range(0x20)), "\x7f"], ids=ascii)
    @pytest.mark.parametrize("template", ["{}/a", "/a{}b", "/a{}", "java{}script:x"])
    def test_control_characters(self, template: str, control: str) -> None:
        with pytest.raises(ValueError, match="has a control character"):
            format_location(template.format(control), None)

    @pytest.mark.parametrize(
        "url",
        [
            *("javascript:alert(1)", "JavaScript:alert(1)", " javascript:alert(1)", "javascript://a.example/%0aalert(1)"),
            *("data:text/html,<script>", "DATA:,", "  Data:;base64,", "vbscript:x", "VBScript:x", "javascript:"),
        ],
    )  # fmt: skip
    def test_urls_that_are_their_own_resource(self, url: str) -> None:
        with pytest.raises(ValueError, match=r"(javascript|data|vbscript): is not a place to go to"):
            format_location(url, None)

    @pytest.mark.parametrize(
        "url",
        [
            "\u3000javascript:x",
            "\ufeffjavascript:x",
            "ｊavascript:x",
            "javaſcript:x",
            "javascript%3Ax",
            "/javascript:x",
        ],
    )
    def test_what_only_looks_like_one_is_a_path(self, url: str) -> None:
        location = format_location(url, None)
        assert not re.match(r"[a-zA-Z0-9+.-]+:", location)
        assert host_in_a_browser(location) == BASE

    @pytest.mark.parametrize(
        "url",
        [
            pytest.param("http://[::1", id="IPv6 without end"),
            pytest.param("http://[nonsense]/", id="IPv6 that is none"),
            pytest.param("https://é..example/", id="empty label"),
            pytest.param("https://é;x/", id="no host name"),
            pytest.param("https://[é]/", id="brackets around a name"),
            pytest.param("https://é＠evil.test/", id="becomes @ when normalised"),
            pytest.param("https://a／b.example/", id="becomes / when normalised"),
            pytest.param("/\ud800", id="lone surrogate"),
        ],
    )
    def test_what_is_no_url(self, url: str) -> None:
        with pytest.raises(ValueError):
            format_location(url, None)


class TestAllowedHosts:
    @pytest.mark.parametrize(
        "url",
        [
            *("/", "", "a/b", "?next=//evil.test", "#//evil.test", "/a//evil.test", "/.//evil.test", "./a:b", "/%09/evil.test"),
            *("/\\evil.test", "\\\\evil.test", "\\/evil.test", "/ /evil.test", "\u00a0//evil.test"),
            *("https://good.example", "HTTPS://GOOD.Example/a", "//good.example/a", "http://good.example:8080?a#b"),
            *("https://good。example", "https://goo\u00add.example", "https://good.example#@evil.test"),
            *("https://a.example.com", "https://a.b.example.com/", "https://A_b.EXAMPLE.com", "https://[::1]:8000/a"),
            *("https://bücher.example/", "https://xn--bcher-kva.example/", "https://www.bücher.example/"),
        ],
    )  # fmt: skip
    def test_this_site_and_allowed_hosts_pass(self, url: str) -> None:
        assert is_allowed(host_in_a_browser(format_location(url, ALLOWED)))

    @pytest.mark.parametrize(
        "url",
        [
            *("//evil.test", "///evil.test", "////evil.test", " //evil.test", "//evil.test\\@good.example", "//evil。test"),
            *("https:evil.test", "https:/evil.test", "https:///evil.test", "https:\\\\evil.test", "https:/\\evil.test"),
            *("http:good.example", "https:", "https://", "//", "https://:80", "https://?good.example", "HTTP:evil.test"),
            *("https://good.example@evil.test", "https://good.example:80@evil.test", "https://evil.test/good.example"),
            *("https://user@good.example", "https://evil.test\\@good.example", "https://evil.test%5c@good.example"),
            *("https://evil.test\\.example.com", "https://evil.test%2f.example.com", "https://evil.test%23.example.com"),
            *("https://evil.test[v1.good.example]", "https://good.example[::1]", "https://[::1]evil.test"),
            *("https://evil.test;.example.com", "https://evil.test,.example.com", "https://evil.test&.example.com"),
            *("https://good.example.", "https://a.example.com.", "https://.example.com", "https://a..example.com"),
            *("https://example.com", "https://notexample.com", "https://example.com.evil.test", "https://evil.test?.example.com"),
            *("https://good.example.evil.test", "https://sub.good.example", "https://evilgood.example", "https://good.example:x"),
            *("ftp://good.example", "myapp://good.example", "mailto:a@good.example", "ws://good.example"),
            *("https://[::2]", "https://::1", "https://0x7f.1", "https://*.example.com", "https://%67ood.example"),
        ],
    )  # fmt: skip
    def test_no_other_does(self, url: str) -> None:
        with pytest.raises(ValueError, match=r"^redirect target"):
            format_location(url, ALLOWED)

    @pytest.mark.parametrize(
        ("pattern", "url"),
        [
            pytest.param("GOOD.example", "https://good.EXAMPLE", id="in any case"),
            pytest.param("[::1]", "http://[::1]/", id="IPv6 in brackets"),
            pytest.param("127.0.0.1", "http://127.0.0.1:8000/", id="IPv4"),
            pytest.param("localhost", "http://localhost/", id="one label"),
        ],
    )
    def test_patterns(self, pattern: str, url: str) -> None:
        assert format_location(url, {pattern}) == url

    @pytest.mark.parametrize("pattern", ["*", "*.", "", ".", "*example.com", "https://evil.test", "evil.test:443"])
    def test_what_is_no_pattern_is_refused_as_soon_as_it_counts(self, pattern: str) -> None:
        for url in ("https://evil.test", "https://evil.test:443", "https://a.example.com"):
            with pytest.raises(ValueError, match="which is neither a host name nor"):
                format_location(url, [pattern])
        for url in ("https://", "//."):
            with pytest.raises(ValueError, match="does not lead to one of allowed_hosts"):
                format_location(url, [pattern])

    def test_no_host_at_all_leaves_this_site(self) -> None:
        assert format_location("/a", []) == "/a"
        with pytest.raises(ValueError, match="allowed_hosts"):
            format_location("https://good.example", [])

    @pytest.mark.parametrize("url", ["https://e", "/a"])
    def test_one_text_is_not_a_collection_of_hosts(self, url: str) -> None:
        with pytest.raises(
            TypeError, match=r"allowed_hosts must be a collection of host names, got 'example\.com'; pass"
        ):
            format_location(url, "example.com")


@pytest.mark.parametrize("start", ["//", "https://", "HTTP://u@", "x+1.-://"])
def test_an_authority_that_would_take_long_to_read_is_refused_unread(
    start: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`urlsplit` normalizes it, which takes the square of its length: of a megabyte, an hour."""
    monkeypatch.setattr(location_module, "urlsplit", None)
    for rest in ("", "/", "?a", "#a", "@good.example/"):
        with pytest.raises(ValueError, match=r"redirect target .* is longer than any host name"):
            format_location(start + "a" + "\u0323\u0301" * 1000 + rest, ALLOWED)


@pytest.mark.parametrize(
    "url",
    [
        pytest.param("/a//" + "é" * 2000, id="a path"),
        pytest.param("é" * 2000, id="a relative one"),
        pytest.param("https://good.example?" + "é" * 2000, id="a query"),
        pytest.param("https://" + "u" * 2000 + "@good.example/é", id="ASCII"),
        pytest.param("é://" + "é" * 2000, id="no scheme"),
    ],
)
def test_what_is_no_authority_may_be_long(url: str) -> None:
    assert format_location(url, None) == quote_uri(url)


WORDS = ["//", "%2f", "%40", "[::1]", ":80", "https:", "HTTP:", "data:", "good.example", "evil.test", ".example.com"]
PIECES = st.sampled_from("/\\:@%.?#[]。／é a-;|" + "\u00ad") | st.sampled_from(WORDS)
START = st.sampled_from(["", "/", "//", "https:", "https://", "http://", "https://good.example", "//a.example.com"])


@settings(max_examples=400)
@given(start=START, pieces=st.lists(PIECES | st.text(max_size=1), max_size=5))
def test_no_target_that_passes_leads_a_browser_elsewhere(start: str, pieces: list[str]) -> None:
    try:
        location = format_location("".join([start, *pieces]), ALLOWED)
    except ValueError:
        return
    assert re.fullmatch(r"[!-~]*", location)
    assert is_allowed(host_in_a_browser(location))


@given(st.text() | st.lists(PIECES | st.text(max_size=2), max_size=5).map("".join))
def test_a_location_is_printable_ascii_and_stays_what_it_is(url: str) -> None:
    try:
        location = format_location(url, None)
    except ValueError:
        return
    assert re.fullmatch(r"(?:[!-$&-~]|%[0-9A-Fa-f]{2})*", location)
    assert format_location(location, None) == location
