"""Early hints and trailers through real servers: over HTTP/2 where the server has it, and silently none elsewhere."""

import shutil
import subprocess

import pytest

pytest.importorskip("fastapi")

pytestmark = [
    pytest.mark.wire,
    pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not installed"),
]

LINK = "link: </style.css>; rel=preload; as=style"
DIGEST = "content-digest: sha-256=:pj2AFNuokTRbMBdN8rKlfvu2W0+fCbmPJF0bMZInfs4=:"  # of "ab" and a line end


def get(port: int, path: str, *arguments: str) -> list[str]:
    """The lines that the client got: heads, a blank line after each, content, trailers."""
    command = ["curl", "-sS", "-i", "--max-time", "20", *arguments, f"http://127.0.0.1:{port}{path}"]
    done = subprocess.run(command, capture_output=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    return [line.strip() for line in done.stdout.decode().splitlines()]


@pytest.fixture
def http2(server: str) -> list[str]:
    if not server.startswith("hypercorn"):
        pytest.skip("speaks no HTTP/2, or offers none of this there")
    return ["--http2-prior-knowledge"]


def test_early_hints(port: int, http2: list[str]) -> None:
    lines = get(port, "/hinted", *http2)
    assert lines[0] == "HTTP/2 103"
    assert LINK in lines[: lines.index("HTTP/2 200")]
    assert LINK not in lines[lines.index("HTTP/2 200") :]
    assert lines[-1] == "built"


def test_no_hints_for_a_304(port: int, http2: list[str]) -> None:
    lines = get(port, "/hinted", *http2, "-H", 'If-None-Match: "v1"')
    assert lines[0] == "HTTP/2 304"
    assert LINK not in lines


def test_trailers(port: int, http2: list[str]) -> None:
    lines = get(port, "/trailed", *http2, "-H", "TE: trailers")
    assert "trailer: x-rows, content-digest" in lines
    assert {"x-rows: 2", DIGEST} <= set(lines)


def test_trailers_that_the_client_does_not_take(port: int, http2: list[str]) -> None:
    lines = get(port, "/trailed", *http2)
    assert lines[-1] == "ab"
    assert DIGEST not in lines


def test_silently_none(port: int) -> None:
    """HTTP/1.1, where none of these servers offers any."""
    hinted, trailed = get(port, "/hinted"), get(port, "/trailed", "-H", "TE: trailers")
    assert all(lines[0].startswith("HTTP/1.1 200") for lines in (hinted, trailed))
    assert hinted[-1] == "built"
    assert trailed[-1] == "ab"
    assert not any(line.startswith(("trailer:", "x-rows", "content-digest")) for line in trailed)
