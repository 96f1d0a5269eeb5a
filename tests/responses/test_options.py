"""What every class says by keyword: caching, dependence, timing; and that it is the same on each of them."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pytest

import rejoinder
from rejoinder import CacheControl, FileResponse, JSONResponse, Response, ServerTiming, StreamingResponse
from rejoinder._http.dates import parse_date
from rejoinder.testing import Answer, fetch, run

THEN = datetime(2024, 5, 17, 12, tzinfo=UTC)
DATE = "Fri, 17 May 2024 12:00:00 GMT"
MAKERS: dict[str, Callable[..., Any]] = {
    "Response": lambda **options: Response("a", **options),
    "HTMLResponse": lambda **options: rejoinder.HTMLResponse("a", **options),
    "PlainTextResponse": lambda **options: rejoinder.PlainTextResponse("a", **options),
    "JSONResponse": lambda **options: JSONResponse("a", **options),
    "ORJSONResponse": lambda **options: rejoinder.ORJSONResponse("a", **options),
    "UJSONResponse": lambda **options: rejoinder.UJSONResponse("a", **options),
    "ProblemResponse": lambda **options: rejoinder.ProblemResponse(404, **options),
    "RedirectResponse": lambda **options: rejoinder.RedirectResponse("/a", **options),
    "FileResponse": lambda **options: FileResponse(b"a", **options),
    "FileResponse of a path": lambda **options: FileResponse(__file__, **options),
    "StreamingResponse": lambda **options: StreamingResponse(["a"], **options),
    "EventSourceResponse": lambda **options: rejoinder.EventSourceResponse(["a"], **options),
    "JSONLinesResponse": lambda **options: rejoinder.JSONLinesResponse(["a"], **options),
    "JSONArrayResponse": lambda **options: rejoinder.JSONArrayResponse(["a"], **options),
    "CSVResponse": lambda **options: rejoinder.CSVResponse([["a"]], **options),
    "Response.lazy": lambda **options: Response.lazy(lambda: "a", **options),
    "JSONResponse.lazy": lambda **options: JSONResponse.lazy(lambda: "a", **options),
}
each = pytest.mark.parametrize("make", MAKERS.values(), ids=MAKERS)


def get(response: Any, method: str = "GET", **fields: str) -> Answer:
    return run(lambda: fetch(response, method, headers={name.replace("_", "-"): fields[name] for name in fields}))


@each
@pytest.mark.parametrize("headers", [None, {"Cache-Control": "no-store", "Vary": "Cookie", "Expires": "0", "X-A": "1"}])
def test_what_is_said_is_sent(make: Any, headers: dict[str, str] | None) -> None:
    control = CacheControl(public=True, max_age=60)
    options = {"cache_control": control, "expires": THEN, "vary": ["Accept-Language", "cookie"]}
    response = make(headers=headers, server_timing={"db": 1.5}, **options)
    for answer in (get(response), get(response, "HEAD")):
        assert answer.headers.get_all("cache-control") == ["public, max-age=60"]
        assert answer.headers.get_all("expires") == [DATE]
        assert answer.headers.get_all("server-timing") == ["db;dur=1.5"]
        vary = "accept-language, cookie" if headers is None else "Cookie, accept-language"
        assert answer.headers.get_all("vary") == [vary]
        assert answer.headers.get("x-a") == (None if headers is None else "1")
    assert answer.body == b""


@each
@pytest.mark.parametrize(
    ("options", "error", "text"),
    [
        ({"cache_control": "a\r\nb: c"}, ValueError, "control character"),
        ({"cache_control": 60}, None, ""),
        ({"cache_control": 1.5}, ValueError, "cache-control"),
        ({"expires": THEN.replace(tzinfo=None)}, ValueError, "time zone"),
        ({"expires": 60}, ValueError, "aware datetime, or a timedelta"),
        ({"expires": timedelta.max}, ValueError, "which no date can tell"),
        ({"vary": "a b"}, ValueError, "not a token"),
        ({"vary": ["a", "b\r\n"]}, ValueError, "not a token"),
        ({"server_timing": "db"}, ValueError, "server_timing must be"),
        ({"repr_digest": "md5"}, ValueError, "repr_digest must be"),
        ({"chache_control": "no-store"}, TypeError, "unexpected keyword argument 'chache_control'"),
    ],
)
def test_mistakes(make: Any, options: Any, error: type[Exception] | None, text: str) -> None:
    if error is None:
        make(**options)
        return
    with pytest.raises(error, match=text):
        make(**options)


@pytest.mark.parametrize(
    ("vary", "value"),
    [
        ("Accept", "accept"),
        (("accept", "Accept", "COOKIE"), "accept, cookie"),
        ("*", "*"),
        (["accept", "*", "cookie"], "*"),
        ([], None),
    ],
)
def test_vary(vary: Any, value: str | None) -> None:
    assert get(Response("a", vary=vary)).headers.get("vary") == value


def test_expires_from_now() -> None:
    before = datetime.now(UTC)
    value = get(Response("a", expires=timedelta(hours=1))).headers.get("expires")
    assert value is not None
    told = parse_date(value.encode(), 0)
    assert told is not None
    assert -1 <= told - (before + timedelta(hours=1)).timestamp() < 60


def test_events_are_not_cached_unless_it_is_said() -> None:
    assert get(rejoinder.EventSourceResponse([])).headers.get_all("cache-control") == ["no-cache"]
    said = rejoinder.EventSourceResponse([], cache_control=CacheControl(no_store=True))
    assert get(said).headers.get_all("cache-control") == ["no-store"]


def test_several_metrics() -> None:
    response = JSONResponse({}, server_timing=[ServerTiming("db", 5, "all of it"), ServerTiming("hit")])
    assert get(response).headers.get("server-timing") == 'db;dur=5;desc="all of it", hit'


def test_a_304_has_what_a_cache_needs() -> None:
    response = Response("a", etag="a", cache_control="max-age=60", vary="accept", expires=THEN)
    answer = get(response, if_none_match='"a"')
    assert answer.status == 304
    assert [answer.headers.get(name) for name in ("cache-control", "vary", "expires")] == ["max-age=60", "accept", DATE]


def test_a_412_is_not_kept_in_place_of_the_content() -> None:
    answer = get(Response("a", etag="a", cache_control="max-age=60", expires=THEN), if_match='"b"')
    assert answer.status == 412
    assert [answer.headers.get(name) for name in ("cache-control", "expires")] == [None, None]


def test_caching_costs_no_detour() -> None:
    response = Response("abc", cache_control="no-store", vary="a", expires=THEN, server_timing={"a": 1})
    assert response._checked == response.raw_headers
    response.set_cookie("a", "b")
    assert response._checked == response.raw_headers


def test_a_response_sent_twice_says_the_same() -> None:
    response = Response("a", vary="accept", repr_digest=True, early_hints=["</a>"])
    before = list(response.raw_headers)
    assert get(response).headers == get(response).headers
    assert response.raw_headers == before


def test_static_files_take_one(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("a")
    no_cache = CacheControl(no_cache=True)

    def choose(path: str) -> str:
        return no_cache

    for control in (no_cache, choose):
        app = rejoinder.StaticFiles(directory=tmp_path, cache_control=control)
        assert run(partial(fetch, app, path="/a.txt")).headers.get("cache-control") == "no-cache"


def test_a_redirect_has_no_content_to_speak_of() -> None:
    with pytest.raises(TypeError, match="unexpected keyword argument 'etag'"):
        rejoinder.RedirectResponse("/a", etag="a")  # type: ignore[call-arg]


def test_what_init_headers_of_a_subclass_edits_is_checked_also_with_options() -> None:
    class Odd(Response):
        def init_headers(self, headers: Any = None) -> None:
            super().init_headers(headers)
            self.headers["x-user"] = "a\r\nset-cookie: s=1"

    for response in (Odd("a"), Odd("a", vary="origin"), Odd("a", cache_control="no-store")):
        with pytest.raises(ValueError, match="x-user"):
            run(partial(fetch, response))
