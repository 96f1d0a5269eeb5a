"""A page whose name was made to lead to this machine reads no file of it."""

import pytest

from rejoinder import PlainTextResponse
from rejoinder.cli.local_hosts import LocalHosts
from rejoinder.testing import fetch, run


def status(hosts: list[bytes], name: str = "127.0.0.1") -> int:
    found = 0

    async def main() -> None:
        nonlocal found
        answer = await fetch(LocalHosts(PlainTextResponse("x"), name), headers=[(b"host", host) for host in hosts])
        found = answer.status

    run(main)
    return found


@pytest.mark.parametrize(
    "host",
    [
        b"127.0.0.1:8000",
        b"127.0.0.1",
        b"127.8.8.8:1",
        b"192.168.1.5:8000",
        b"[::1]:8000",
        b"[::1]",
        b"localhost",
        b"LocalHost.:8000",
        b"app.localhost:8000",
        b"localhost:",
    ],
)
def test_names_that_nobody_else_can_have_resolved_are_answered_to(host: bytes) -> None:
    assert status([host]) == 200


@pytest.mark.parametrize(
    "host",
    [
        b"evil.example:8000",
        b"evil.example",
        b"127.0.0.1.evil.example",
        b"localhost.evil.example",
        b"evillocalhost",
        b"127.0.0.1@evil.example",
        b"evil.example:8000:8000",
        b"[::1",
        b"[evil.example]",
        b"[localhost]",
        b"",
        b"\xff",
        b"0x7f.1",
        b"[" * 60_000,
    ],
    ids=lambda host: host[:30].decode("latin-1"),
)
def test_others_are_not(host: bytes) -> None:
    assert status([host]) == 421


def test_the_name_that_was_asked_for_is_answered_to() -> None:
    assert status([b"Files.Test:8000"], name="files.test") == 200
    assert status([b"other.test:8000"], name="files.test") == 421


def test_two_hosts_have_both_to_be_local() -> None:
    assert status([b"localhost", b"evil.example"]) == 421


def test_who_names_none_is_no_browser() -> None:
    assert status([]) == 200
