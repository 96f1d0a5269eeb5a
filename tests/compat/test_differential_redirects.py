"""Redirects: FastAPI's class and ours send the same, but for what is listed; test_differential_bytes.py explains the rows."""

from collections.abc import Callable
from typing import Any

from starlette.datastructures import URL


def to(*arguments: Any, **options: Any) -> Callable[[Any], Any]:
    return lambda m: m.RedirectResponse(*arguments, **options)


ROWS: list[tuple[Any, ...]] = [
    ("path", to("/a/b?c=d&e=f#g")),
    ("absolute", to("https://user:pw@x.test:8000/a?b=c")),
    ("without a scheme", to("//x.test/a")),
    ("relative", to("../a")),
    ("query only", to("?a=b")),
    ("nothing", to("")),
    ("URL", to(URL("http://x.test/a b"))),
    ("303", to("/a", 303)),
    ("positional", to("/a", 301, {"x-a": "1"}, None)),
    ("with headers", to("/a", headers={"X-A": "1", "content-type": "text/plain"})),
    ("location in the headers", to("/a", headers={"location": "/b", "x-a": "1"}), "redirect-order"),
    ("spaces", to("/a b?c=d e")),
    ("Unicode path", to("/grüße?q=😀#é")),
    ("percent-encoded", to("/a%20b%2Fc")),
    ("quotes and backslash", to("/a\"<>\\^`{|}~'")),
    ("brackets", to("/a[1](2)!$&*+,;=@:")),
    ("IPv6", to("http://[::1]:8000/a")),
    ("mailto", to("mailto:a@x.test")),
    ("surrogate", to("/\ud800")),
    ("stray percent", to("/100%"), "redirect-percent"),
    ("Unicode host", to("https://bücher.test/a"), "redirect-host"),
    ("Unicode host and port", to("https://bücher.test:8000/a"), "redirect-host"),
    ("host that is none", to("https://\u2028.test/"), "redirect-host"),
    ("host without an end", to("http://[::1/a"), "redirect-host"),
    ("spaces around", to(" /a "), "redirect-space"),
    ("newline", to("/a\r\nset-cookie: a=b"), "redirect-control"),
    ("tab", to("/a\tb"), "redirect-control"),
    ("javascript", to("javascript:alert(1)"), "redirect-scheme"),
    ("javascript in disguise", to(" JavaScript:alert(1)"), "redirect-scheme"),
    ("data", to("data:text/html,x"), "redirect-scheme"),
    ("200", to("/a", 200), "redirect-status"),
    ("304", to("/a", status_code=304), "redirect-status"),
    ("None", to(None), "redirect-type"),
    ("bytes", to(b"/a"), "redirect-type"),
    ("number", to(5)),
]


def test_the_messages_are_the_same_or_the_divergence_is_listed(
    row: tuple[Any, ...], compare: Callable[[tuple[Any, ...]], None]
) -> None:
    compare(row)
