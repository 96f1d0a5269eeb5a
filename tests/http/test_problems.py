"""Problem details: RFC 9457, sections 3 and 4."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rejoinder._http.problems import problem_details

BLANK = {"type": "about:blank"}
ROWS: dict[str, tuple[Any, dict[str, object]]] = {
    "a status": ((404,), {**BLANK, "title": "Not Found", "status": 404}),
    "a status without a phrase": ((499,), {**BLANK, "status": 499}),
    "a title": ((404, "Gone fishing"), {**BLANK, "title": "Gone fishing", "status": 404}),
    "a detail": ((404, None, "No 7"), {**BLANK, "title": "Not Found", "status": 404, "detail": "No 7"}),
}
TYPES = {
    "https://example.com/probs/out-of-credit": "https://example.com/probs/out-of-credit",
    "/probs/out of credit": "/probs/out%20of%20credit",
    "/caf\u00e9/50%": "/caf%C3%A9/50%25",
    "/caf%C3%A9?a=b#c": "/caf%C3%A9?a=b#c",
    "urn:uuid:1": "urn:uuid:1",
    "tag:a@b,2024:c": "tag:a@b,2024:c",
    "/\r\n\ud800": "/%0D%0A?",
}


@pytest.mark.parametrize(("arguments", "details"), ROWS.values(), ids=ROWS)
def test_members(arguments: Any, details: dict[str, object]) -> None:
    assert problem_details(*arguments) == details


@pytest.mark.parametrize("uri", TYPES)
def test_uris(uri: str) -> None:
    details = problem_details(403, type=uri, instance=uri, extensions={"balance": 30})
    assert details == {"type": TYPES[uri], "status": 403, "instance": TYPES[uri], "balance": 30}


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        pytest.param({"type": "out-of-credit"}, "type must be an absolute URI", id="relative type"),
        pytest.param({"type": ""}, "type must be", id="no type"),
        pytest.param({"type": None}, "type must be", id="type that is no text"),
        pytest.param({"instance": "../7"}, "instance must be", id="relative instance"),
        pytest.param({"instance": "?a"}, "instance must be", id="instance that is a query"),
        pytest.param({"title": 3}, "title must be a str", id="title"),
        pytest.param({"detail": {"a": 1}}, "detail must be a str", id="detail"),
        pytest.param({"extensions": {"status": 1, "detail": 2}}, "extensions has detail, status", id="extensions"),
    ],
)
def test_refused(arguments: Any, text: str) -> None:
    with pytest.raises(ValueError, match=text):
        problem_details(400, **arguments)


@given(st.text())
def test_a_path_of_any_request_can_be_told(path: str) -> None:
    instance = problem_details(400, instance=f"/{path}")["instance"]
    assert isinstance(instance, str)
    assert instance.isascii()
    assert instance.isprintable()
    assert " " not in instance
    json.dumps(instance)
