"""Cookies: FastAPI's classes and ours send the same, but for what is listed; test_differential_bytes.py explains the rows."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

MOMENT = datetime(2030, 1, 2, 3, 4, 5, 678, UTC)


def cookie(*arguments: Any, **options: Any) -> Callable[[Any], Any]:
    def make(module: Any) -> Any:
        response = module.Response()
        response.set_cookie(*arguments, **options)
        return response

    return make


def deletion(*arguments: Any, **options: Any) -> Callable[[Any], Any]:
    def make(module: Any) -> Any:
        response = module.Response()
        response.delete_cookie(*arguments, **options)
        return response

    return make


def several(module: Any) -> Any:
    response = module.HTMLResponse("x", headers={"x-a": "1"})
    response.set_cookie("a", "1")
    response.set_cookie("a", "2", path="/b")
    response.headers["x-b"] = "2"
    return response


ROWS: list[tuple[Any, ...]] = [
    ("name", cookie("a")),
    ("name and value", cookie("a", "b")),
    ("several", several),
    ("everything", cookie("a", "b", 60, MOMENT, "/p", "x.test", secure=True, httponly=True, samesite="strict")),
    ("positional", cookie("a", "b", 60, MOMENT, "/p", "x.test", True, True, "none")),
    ("nothing but the value", cookie("a", "b", path=None, samesite=None)),
    ("empty path and domain", cookie("a", "b", path="", domain="")),
    ("max_age 0", cookie("a", "b", max_age=0)),
    ("max_age negative", cookie("a", "b", max_age=-1)),
    ("max_age true", cookie("a", "b", max_age=True)),
    ("max_age as text", cookie("a", "b", max_age="60"), "cookie-times"),
    ("max_age as timedelta", cookie("a", "b", max_age=timedelta(days=1)), "cookie-times"),
    ("max_age as float", cookie("a", "b", max_age=1.5), "cookie-times"),
    ("expires", cookie("a", "b", expires=MOMENT)),
    ("expires as text", cookie("a", "b", expires="Wed, 02 Jan 2030 03:04:05 GMT")),
    ("expires as any text", cookie("a", "b", expires="soon")),
    ("expires as no text", cookie("a", "b", expires="")),
    ("expires in seconds", cookie("a", "b", expires=60)),
    ("expires in float seconds", cookie("a", "b", expires=60.5), "cookie-times"),
    ("expires naive", cookie("a", "b", expires=datetime(2030, 1, 2))),  # noqa: DTZ001
    ("expires in Berlin", cookie("a", "b", expires=MOMENT.astimezone(timezone(timedelta(hours=2)))), "cookie-times"),
    ("quoted", cookie("a", 'b "c"; d, e\\f')),
    ("latin-1", cookie("a", "grüße")),
    ("tab", cookie("a", "b\tc"), "cookie-characters?"),
    ("JSON", cookie("a", '{"b": [1]}')),
    ("percent", cookie("a", "100%")),
    ("number", cookie("a", 5)),
    ("beyond latin-1", cookie("a", "😀"), "cookie-unicode"),
    ("newline", cookie("a", "b\nc"), "cookie-characters"),
    ("NUL", cookie("a", "b\0c"), "cookie-characters"),
    ("None", cookie("a", None), "cookie-values"),
    ("bytes", cookie("a", b"b"), "cookie-values"),
    ("list", cookie("a", [1]), "cookie-values"),
    ("name with a colon", cookie("app:session", "b")),
    ("name of symbols", cookie("!#$%&'*+-.^_`|~:", "b")),
    ("name with a space", cookie("a b", "c"), "errors"),
    ("no name", cookie("", "c"), "errors"),
    ("name of an attribute", cookie("path", "b"), "cookie-names"),
    ("samesite in capitals", cookie("a", "b", samesite="Lax")),
    ("samesite sideways", cookie("a", "b", samesite="sideways"), "errors"),
    ("samesite none", cookie("a", "b", samesite="none", secure=True)),
    ("samesite none, insecure", cookie("a", "b", samesite="none"), "cookie-promises"),
    ("partitioned", cookie("a", "b", secure=True, partitioned=True), "cookie-partitioned?"),
    ("partitioned, insecure", cookie("a", "b", partitioned=True), "cookie-promises?"),
    ("__Host-", cookie("__Host-a", "b", secure=True)),
    ("__Host- with a path", cookie("__Host-a", "b", secure=True, path="/p"), "cookie-promises"),
    ("__Secure-, insecure", cookie("__Secure-a", "b"), "cookie-promises"),
    ("path with a semicolon", cookie("a", "b", path="/; Domain=evil.test"), "cookie-characters"),
    ("path with a newline", cookie("a", "b", path="/\r\nx-a: 1"), "cookie-characters"),
    ("path in Unicode", cookie("a", "b", path="/grüße"), "cookie-unicode"),
    ("domain with a semicolon", cookie("a", "b", domain="x.test; Secure"), "cookie-characters"),
    ("domain in Unicode", cookie("a", "b", domain=".bücher.test"), "cookie-unicode"),
    ("4,096 octets", cookie("a", "b" * 4095)),
    ("4,097 octets", cookie("a", "b" * 4096), "cookie-size"),
    ("deleted", deletion("a"), "cookie-deletion"),
    ("deleted with everything", deletion("a", "/p", "x.test", True, True, "none"), "cookie-deletion"),
    ("deleted, __Host-, insecure", deletion("__Host-a"), "cookie-promises"),
    ("deleted, partitioned", deletion("a", secure=True, partitioned=True), "cookie-partitioned"),
]


def test_the_messages_are_the_same_or_the_divergence_is_listed(
    row: tuple[Any, ...], compare: Callable[[tuple[Any, ...]], None]
) -> None:
    compare(row)
