"""Requests for static files, with everything that `StaticFiles` has to offer."""

import gzip
from functools import cache
from typing import Any
from urllib.parse import urljoin, urlsplit

from starlette.applications import Starlette

from fuzz._requests import Request, ask, check_coding, read_request
from fuzz._site import PUBLIC, SECRET, site
from rejoinder import StaticFiles, problems
from rejoinder.testing import Answer

SEEDS = [
    b"GET /file.txt\nrange: bytes=0-4",
    b"GET /sub?a=b\n",
    b"GET /sub/%2e%2e/..%2fsecret.txt",
    b"GET /app.3f2a1b9c.js\naccept-encoding: gzip, br;q=0\nrange: bytes=-5",
    b"GET /list\nsec-fetch-mode: navigate",
    b"HEAD /list/\naccept: text/html",
    b"GET /up/root-beside/file.txt",
    b"GET //evil.example/..",
    b"GET /odd/caf%e9.txt%00",
    b"GET /.well-known/../.env",
    b"GET /list/back%5cslash.txt\nif-none-match: *",
    b"POST /fifo",
]


@cache
def apps() -> list[Any]:
    options: list[dict[str, Any]] = [
        {},
        {"html": True, "listing": True, "cache_control": "no-cache"},
        {"html": True, "fallback": "index.html", "precompressed": False},
    ]
    return [with_errors(StaticFiles(directory=site(), **each)) for each in options]


def with_errors(files: StaticFiles) -> Starlette:
    app = Starlette()
    problems.install(app)
    app.router.redirect_slashes = False
    app.mount("/", files)
    return app


def target(data: bytes) -> None:
    request = read_request(data)
    for app in apps():
        check(request, ask(app, request))


def check(request: Request, answer: Answer) -> None:
    assert SECRET not in answer.body
    assert b"root:" not in answer.body
    assert answer.status in {200, 206, 304, 307, 400, 404, 405, 412, 416}
    if answer.status == 307:
        # To the same place but for a slash, whatever the client takes the path for.
        base = "http://site.example/a/b"
        assert urlsplit(urljoin(base, answer.headers.get("location"))).netloc == "site.example"
    check_coding(request, answer)
    if answer.status == 200 and request.method == "GET" and answer.headers.get("content-security-policy") is None:
        is_coded = answer.headers.get("content-encoding") is not None
        assert (gzip.decompress(answer.body) if is_coded else answer.body) in {*PUBLIC.values(), b"latin-1"}
