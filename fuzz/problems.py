"""Errors that tell of what a client sent: a line with a path and a query, then JSON, to an application of FastAPI."""

import json
from functools import cache
from typing import Annotated, Any

from fastapi import FastAPI, Query
from pydantic import BaseModel, ConfigDict, field_validator
from starlette.exceptions import HTTPException

from fuzz._requests import Request, ask
from rejoinder import problems
from rejoinder.problems import ProblemResponse

SEEDS = [
    b'/items?limit=3\n{"name": "a", "price": 3}',
    b'/items?limit=x&limit=\xff\n{"name": 7, "price": NaN, "\\ud800": 1}',
    b"/items\n[[[[[[",
    b'/items?limit=-1\n{"name": "bad", "price": 1e999, "at": "x"}',
    b"/http/404?says=%00%ed%a0%80\n",
    b"/http/204?says=x\n",
    b"/none\n",
    b"/http/" + b"9" * 30 + b"\n",
    b'/items\n{"price": ' + b"9" * 400 + b"}",
]


class Item(BaseModel):
    model_config = ConfigDict(extra="forbid")

    name: str
    price: float
    tags: dict[str, int] = {}

    @field_validator("name")
    @classmethod
    def is_good(cls, name: str) -> str:
        if name == "bad":
            raise ValueError(f"{name} is not good")
        return name


@cache
def app() -> FastAPI:
    app = FastAPI(redirect_slashes=False)  # whose own redirects fail where a query is no UTF-8
    problems.install(app)

    @app.post("/items")
    def make(item: Item, limit: Annotated[int, Query(gt=0)] = 1) -> dict[str, Any]:
        return {"made": item.name, "limit": limit}

    @app.post("/http/{status}")
    def fail(status: int, says: str = "") -> None:
        status = status if 400 <= status < 600 else 204
        raise HTTPException(status, says or None)

    return app


def target(data: bytes) -> None:
    asked, _, content = data.partition(b"\n")
    request = Request(
        "POST", asked, [(b"content-type", b"application/json"), (b"content-length", b"%d" % len(content))]
    )
    answer = ask(app(), request, content)
    if answer.status != 200 and answer.body:
        assert answer.headers.get("content-type") == "application/problem+json"
        told = json.loads(answer.body)
        assert told["status"] == answer.status
        assert "input" not in {name for error in told.get("errors", ()) for name in error}
    text = asked.decode("utf-8", "surrogateescape")
    told = json.loads(ProblemResponse(400, detail=text, instance=f"/{text}", extensions={"says": text}).body)
    assert told["detail"].encode("utf-8", "surrogatepass") == text.encode("utf-8", "surrogatepass")
    assert told["instance"].isascii()
    assert told["instance"].isprintable()
