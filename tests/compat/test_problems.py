"""`problems.install` on an application of FastAPI: what is answered, and that the OpenAPI schema says so."""

import json
from decimal import Decimal
from typing import Any

import pytest
from fastapi import APIRouter, FastAPI, HTTPException, WebSocket
from fastapi.exceptions import RequestValidationError
from fastapi.testclient import TestClient
from pydantic import BaseModel, Field, SecretStr, field_validator
from starlette.websockets import WebSocketDisconnect

import rejoinder
from rejoinder import problems

PROBLEM = "application/problem+json"
VALIDATION = {"$ref": "#/components/schemas/ValidationProblemDetails"}


class Login(BaseModel):
    name: str = Field(min_length=3)
    password: SecretStr
    amount: Decimal = Field(default=Decimal(1), gt=Decimal("0.1"))

    @field_validator("name")
    @classmethod
    def check_name(cls, name: str) -> str:
        if name == "root":
            raise ValueError("root may not log in")
        return name


def build(**options: Any) -> FastAPI:
    app = FastAPI(**options)

    @app.post("/login")
    def login(login: Login) -> dict[str, str]:
        return {}

    @app.get("/items/{item}", responses=problems.responses(404, 409))
    def item(item: int, limit: float = 1) -> Any:
        raise HTTPException(404, "No such item.", {"X-A": "1"})

    @app.get("/odd")
    def odd() -> Any:
        raise RequestValidationError(["text", {"loc": ["a"], "msg": "b", "type": "c", "ctx": {"error": object()}}])

    @app.get("/error")
    def error() -> Any:
        raise OSError("hunter2")

    @app.get("/response", response_class=rejoinder.JSONResponse)
    def response(limit: int = 1) -> Any:
        return rejoinder.JSONResponse.lazy(lambda: {"a": limit}, etag=lambda: f"v{limit}")

    @app.websocket("/socket")
    async def socket(socket: WebSocket, limit: int) -> None:
        raise AssertionError

    return app


@pytest.fixture
def client() -> TestClient:
    app = build()
    problems.install(app)
    return TestClient(app, raise_server_exceptions=False)


@pytest.mark.parametrize(
    ("content", "errors"),
    [
        pytest.param(
            {"name": "a", "password": "hunter2"},
            [{"type": "string_too_short", "loc": ["body", "name"], "ctx": {"min_length": 3}}],
            id="ctx",
        ),
        pytest.param(
            {"password": "hunter2"}, [{"type": "missing", "loc": ["body", "name"]}], id="input has a password"
        ),
        pytest.param(
            {"name": "root", "password": "hunter2"},
            [{"type": "value_error", "loc": ["body", "name"], "ctx": {"error": "root may not log in"}}],
            id="exception in ctx",
        ),
        pytest.param(
            {"name": "abc", "password": ["hunter2"], "amount": 0},
            [
                {"type": "string_type", "loc": ["body", "password"]},
                {"type": "greater_than", "loc": ["body", "amount"], "ctx": {"gt": "0.1"}},
            ],
            id="decimal in ctx",
        ),
    ],
)
def test_validation(client: TestClient, content: Any, errors: list[dict[str, Any]]) -> None:
    answer = client.post("/login", json=content)
    assert (answer.status_code, answer.headers["content-type"]) == (422, PROBLEM)
    assert "hunter2" not in answer.text
    problem = answer.json()
    told = problem.pop("errors")
    assert all(one.pop("msg") for one in told)
    assert told == errors
    assert problem == {
        "type": "about:blank",
        "title": "Unprocessable Content",
        "status": 422,
        "detail": "The request is not valid.",
    }


@pytest.mark.parametrize("body", [b"{", b"\xff", b'{"name": NaN}', b"[" * 10_000, b'"\\ud800"'])
def test_no_body_fails_the_application(client: TestClient, body: bytes) -> None:
    answer = client.post("/login", content=body, headers={"content-type": "application/json"})
    assert answer.status_code in {400, 422}
    assert answer.headers["content-type"] == PROBLEM


def test_errors_of_any_shape(client: TestClient) -> None:
    assert client.get("/odd").json()["errors"] == [
        "text",
        {"loc": ["a"], "msg": "b", "type": "c", "ctx": {"error": "object"}},
    ]


def test_http_exceptions(client: TestClient) -> None:
    answer = client.get("/items/1")
    assert (answer.status_code, answer.headers["content-type"], answer.headers["x-a"]) == (404, PROBLEM, "1")
    assert answer.json()["detail"] == "No such item."
    assert client.get("/none").headers["content-type"] == PROBLEM
    assert client.get("/error").json() == {"type": "about:blank", "title": "Internal Server Error", "status": 500}


def test_a_websocket_is_closed_as_before(client: TestClient) -> None:
    with pytest.raises(WebSocketDisconnect) as closed, client.websocket_connect("/socket"):
        pass
    assert closed.value.code == 1008


@pytest.mark.parametrize("late", [False, True])
def test_the_handler_of_the_application_wins_and_its_schema_stays(late: bool) -> None:
    app = build()
    own = app.exception_handler(RequestValidationError)
    if not late:
        own(lambda request, error: rejoinder.PlainTextResponse("mine", 400))
    problems.install(app)
    if late:
        own(lambda request, error: rejoinder.PlainTextResponse("mine", 400))
    assert TestClient(app).get("/items/a").text == "mine"
    schema = app.openapi()
    assert "application/json" in schema["paths"]["/items/{item}"]["get"]["responses"]["422"]["content"]
    assert references(schema) <= {f"#/components/schemas/{name}" for name in schema["components"]["schemas"]}


# OpenAPI


def test_schema() -> None:
    app = build()
    before = json.loads(json.dumps(app.openapi()))
    problems.install(app)
    problems.install(app)
    schema = app.openapi()
    for path, method in (("/login", "post"), ("/items/{item}", "get"), ("/response", "get")):
        told = schema["paths"][path][method]["responses"]["422"]
        assert told == {"description": "Validation Error", "content": {PROBLEM: {"schema": VALIDATION}}}
    told = schema["paths"]["/items/{item}"]["get"]["responses"]
    assert list(told) == ["200", "404", "409", "422"]
    assert told["404"] == {
        "description": "Not Found",
        "content": {PROBLEM: {"schema": {"$ref": "#/components/schemas/ProblemDetails"}}},
    }
    assert before["components"]["schemas"].keys() - schema["components"]["schemas"].keys() == {
        "HTTPValidationError",
        "ValidationError",
    }
    assert references(schema) <= {f"#/components/schemas/{name}" for name in schema["components"]["schemas"]}
    assert TestClient(app).get("/openapi.json").json() == schema == app.openapi()


def references(schema: Any) -> set[str]:
    if isinstance(schema, dict):
        own = {schema["$ref"]} if isinstance(schema.get("$ref"), str) else set()
        return own.union(*map(references, schema.values()))
    return set().union(*map(references, schema)) if isinstance(schema, list) else set()


def test_schema_of_callbacks_and_webhooks() -> None:
    app, callbacks = FastAPI(), APIRouter()

    @callbacks.post("{$request.body.url}")
    def called_back(body: Login) -> None: ...

    @app.post("/a", callbacks=callbacks.routes)
    def subscribe(url: str) -> None: ...

    @app.webhooks.post("changed")
    def changed(body: Login) -> None: ...

    problems.install(app)
    schema = app.openapi()
    assert "HTTPValidationError" not in json.dumps(schema)
    assert json.dumps(schema).count(json.dumps(VALIDATION)) == 3


def test_what_is_referred_to_elsewhere_stays() -> None:
    app = build()

    @app.get(
        "/old", responses={400: {"content": {"a/b": {"schema": {"$ref": "#/components/schemas/HTTPValidationError"}}}}}
    )
    def old(limit: int) -> None: ...

    problems.install(app)
    schema = app.openapi()
    assert {"HTTPValidationError", "ValidationError"} <= schema["components"]["schemas"].keys()


def test_what_a_route_says_itself_stays() -> None:
    app = FastAPI()

    @app.get("/a", responses={422: {"description": "mine"}})
    def a(limit: int) -> None: ...

    problems.install(app)
    assert app.openapi()["paths"]["/a"]["get"]["responses"]["422"] == {"description": "mine"}


def test_an_application_without_a_schema() -> None:
    app = FastAPI(openapi_url=None)
    problems.install(app)
    assert set(app.openapi()["components"]["schemas"]) == {
        "ProblemDetails",
        "ValidationProblemDetails",
        "ProblemDetailsError",
    }


def test_schemas_are_each_applications_own() -> None:
    first, second = FastAPI(), FastAPI()
    for app in (first, second):
        problems.install(app)
    first.openapi()["components"]["schemas"]["ProblemDetails"]["properties"]["type"]["x"] = 1
    assert "x" not in second.openapi()["components"]["schemas"]["ProblemDetails"]["properties"]["type"]


# A lazy response is one of its class to FastAPI.


def test_lazy(client: TestClient) -> None:
    answer = client.get("/response")
    assert (answer.json(), answer.headers["etag"]) == ({"a": 1}, '"v1"')
    assert client.get("/response", headers={"if-none-match": '"v1"'}).status_code == 304
    content = client.get("/openapi.json").json()["paths"]["/response"]["get"]["responses"]["200"]["content"]
    assert list(content) == ["application/json"]
