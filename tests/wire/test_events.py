"""Event streams behind real servers: read from the socket as they come, and left without a word."""

import http.client
import json
import socket
import struct
from typing import Any

import pytest

pytest.importorskip("fastapi")

from tests.wire.soak import grown, look, wait_for_an_event

pytestmark = pytest.mark.wire


class Client:
    """A client's end of one connection."""

    def __init__(self, port: int) -> None:
        self.connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)

    def ask(self, method: str, path: str, content: Any = None) -> http.client.HTTPResponse:
        self.connection.request(method, path, json.dumps(content))
        return self.connection.getresponse()

    def reset(self, answer: http.client.HTTPResponse) -> None:
        """Leave as one does who has lost the network: RST, no FIN."""
        sock = self.connection.sock
        assert sock is not None
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        answer.close()
        self.connection.close()


def told(port: int, content: Any) -> Any:
    client = Client(port)
    try:
        return json.load(client.ask("POST", "/channel", content))
    finally:
        client.connection.close()


def finished(port: int, key: str) -> Any:
    client = Client(port)
    try:
        return json.load(client.ask("GET", f"/finished/{key}"))
    finally:
        client.connection.close()


def test_each_client_is_told_and_one_that_leaves_leaves_nothing(port: int) -> None:
    clients = [Client(port) for _ in range(5)]
    answers = [client.ask("GET", f"/channel/{number}") for number, client in enumerate(clients)]
    assert {answer.getheader("content-type") for answer in answers} == {"text/event-stream; charset=utf-8"}
    assert {answer.getheader("x-accel-buffering") for answer in answers} == {"no"}
    assert told(port, {"a": "grüße"}) == 5
    for answer in answers:
        assert answer.readline() == 'data: {"a":"grüße"}\n'.encode()
        assert answer.readline().startswith(b"id: ")
        assert answer.readline() == b"\n"
    for number, (client, answer) in enumerate(zip(clients, answers, strict=True)):
        client.reset(answer)
        assert finished(port, str(number))["outcome"][0] == "disconnected"
    assert told(port, 1) == 0


def test_clients_that_wait(uvicorn_port: int) -> None:
    before = look(uvicorn_port)
    kibibytes = wait_for_an_event(uvicorn_port, 1000)
    assert (kibibytes - before.kibibytes) / 1000 < 50
    assert grown(before.state, look(uvicorn_port, before).state) == {}
