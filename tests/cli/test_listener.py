"""Where it listens: the port that was asked for, or the next free one; and what it says where there is none."""

import errno
import os
import re
import socket
from collections.abc import Iterator

import pytest

from rejoinder.cli import listener


@pytest.fixture
def taken() -> Iterator[int]:
    with socket.create_server(("127.0.0.1", 0)) as other:
        yield int(other.getsockname()[1])


def test_a_port_that_was_asked_for_and_is_taken_is_an_error(taken: int) -> None:
    with pytest.raises(SystemExit, match=rf"port {taken} is taken; pass another one, or leave --port out"):
        listener.listen("127.0.0.1", taken)


def test_otherwise_the_next_one_is_tried(monkeypatch: pytest.MonkeyPatch) -> None:
    real, tried = socket.create_server, []

    def create_server(address: tuple[str, int], **options: object) -> socket.socket:
        tried.append(address[1])
        if len(tried) < 3:
            raise OSError(errno.EADDRINUSE, "taken")
        return real(("127.0.0.1", 0))

    monkeypatch.setattr(socket, "create_server", create_server)
    listener.listen("127.0.0.1", None).close()
    assert tried == [8000, 8001, 8002]


def test_a_hundred_taken_ports_are_enough(taken: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(listener, "_PORTS", range(taken, taken + 1))
    with pytest.raises(SystemExit, match=rf"all ports from {taken} to {taken} are taken"):
        listener.listen("127.0.0.1", None)


@pytest.mark.parametrize(
    ("host", "error"),
    [
        pytest.param("nobody.invalid", "'nobody.invalid' is no address of this machine", id="unknown-name"),
        pytest.param("192.0.2.1", "cannot listen at port 0 of '192.0.2.1': .*", id="of-another-machine"),
    ],
)
def test_an_address_of_nobody_is_an_error(host: str, error: str) -> None:
    with pytest.raises(SystemExit, match=error):
        listener.listen(host, 0)


def test_a_port_that_is_not_permitted_is_an_error_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    def create_server(address: object, **options: object) -> socket.socket:
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))

    monkeypatch.setattr(socket, "create_server", create_server)
    with pytest.raises(SystemExit, match=r"cannot listen at port 80 of '127.0.0.1': Permission denied"):
        listener.listen("127.0.0.1", 80)


@pytest.mark.parametrize(
    ("host", "local", "pattern"),
    [
        pytest.param("127.0.0.1", True, r"http://127\.0\.0\.1:\d+/", id="loopback"),
        pytest.param("localhost", True, r"http://(127\.0\.0\.1|\[::1\]):\d+/", id="by-name"),
        pytest.param("::1", True, r"http://\[::1\]:\d+/", id="ipv6"),
        pytest.param("0.0.0.0", False, r"http://127\.0\.0\.1:\d+/", id="network"),
        pytest.param("::", False, r"http://\[::1\]:\d+/", id="network-ipv6"),
    ],
)
def test_the_url_is_one_that_a_browser_can_open(host: str, local: bool, pattern: str) -> None:
    if ":" in host and not socket.has_ipv6:
        pytest.skip("no IPv6 here")
    with listener.listen(host, 0) as listening:
        first, *others = listener.urls(listening)
        assert re.fullmatch(pattern, first)
        assert listener.is_loopback(listening) is local
        assert not (local and others)


def test_the_addresses_in_the_network_are_told(monkeypatch: pytest.MonkeyPatch) -> None:
    class Probe:
        def __init__(self, family: int, kind: int) -> None:
            self.family = family

        def __enter__(self) -> "Probe":
            return self

        def __exit__(self, *error: object) -> None: ...

        def connect(self, target: tuple[str, int]) -> None: ...

        def getsockname(self) -> tuple[str, int]:
            return ("192.168.1.5", 1) if self.family == socket.AF_INET else ("2001:db8::5", 1)

    class Listening:
        family = socket.AF_INET6

        def getsockname(self) -> tuple[str, int, int, int]:
            return "::", 8000, 0, 0

    monkeypatch.setattr(socket, "socket", Probe)
    expected = ["http://[::1]:8000/", "http://192.168.1.5:8000/", "http://[2001:db8::5]:8000/"]
    assert listener.urls(Listening()) == expected  # type: ignore[arg-type]
