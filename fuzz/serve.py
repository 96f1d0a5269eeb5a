"""Requests to `rejoinder serve`: which hosts it answers to, and what it writes to the terminal."""

from argparse import Namespace
from contextlib import redirect_stdout
from functools import cache
from io import StringIO
from ipaddress import ip_address
from typing import Any

from fuzz._requests import ask, read_request
from fuzz._site import SECRET, site
from rejoinder.cli.serve import make_app

SEEDS = [
    b"GET /sub/\nhost: localhost:8000",
    b"GET /\nhost: evil.example",
    b"GET /list/?a=\x1b[2J\nhost: [::1]:80",
    b"GET /none%0a%1b%5b2J\nhost: 127.0.0.1\nhost: evil.example",
    b"G\xff\x07T /%e2%80%ae\nhost: a.localhost.",
    b"GET /..%2fsecret.txt\nhost: localhost@evil.example\norigin: null",
    b"OPTIONS /file.txt\norigin: http://evil.example\naccess-control-request-method: PUT",
    b"GET /missing\naccept: text/html\nhost: site.test",
]
NAME = "site.test"


@cache
def apps() -> list[Any]:
    options: tuple[dict[str, bool], ...] = ({}, {"cors": True}, {"spa": True})
    plain = {"spa": False, "cors": False, "dotfiles": False, "host": NAME}
    return [make_app(site(), Namespace(**{**plain, **each}), local=True) for each in options]


def target(data: bytes) -> None:
    request = read_request(data)
    if request.method == "HEAD":  # Starlette's plain errors have content even so, and it is the server that drops it
        return
    hosts = [value.decode("latin-1") for name, value in request.fields if name == b"host"]
    for number, app in enumerate(apps()):
        with redirect_stdout(StringIO()) as log:
            answer = ask(app, request)
        assert SECRET not in answer.body
        line = log.getvalue().removesuffix("\n")
        assert line.isprintable()
        assert str(answer.status) in line
        with_cors = number == 1
        assert answer.status == 421 or with_cors or all(map(is_local, hosts))
        assert with_cors or answer.headers.get("access-control-allow-origin") is None


def is_local(host: str) -> bool:
    """Whether no page of another site can have it as its own."""
    name = host.lower().partition("]")[0].removeprefix("[") if host.startswith("[") else host.lower().partition(":")[0]
    name = name.removesuffix(".")
    try:
        return ip_address(name) is not None
    except ValueError:
        return name.rpartition(".")[2] == "localhost" or name == NAME
