"""StaticFiles behind real servers: each decodes a URL, and tells of `raw_path`, in a way of its own."""

import shutil
import subprocess
from pathlib import Path

import httpx
import pytest

pytest.importorskip("fastapi")

pytestmark = pytest.mark.wire

HERE = Path(__file__)


def test_a_file(port: int) -> None:
    got = httpx.get(f"http://127.0.0.1:{port}/static/{HERE.name}")
    assert (got.status_code, got.content) == (200, HERE.read_bytes())
    assert (got.headers["cache-control"], got.headers["x-content-type-options"]) == ("no-cache", "nosniff")
    again = httpx.get(f"http://127.0.0.1:{port}/static/{HERE.name}", headers={"if-none-match": got.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")
    assert httpx.head(f"http://127.0.0.1:{port}/static/{HERE.name}").headers["content-length"] == str(len(got.content))


@pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not installed")
@pytest.mark.parametrize(
    "path",
    [
        "/../conftest.py",
        "/%2e%2e/conftest.py",
        "/..%2fconftest.py",
        "/%252e%252e/conftest.py",
        "/..%5cconftest.py",
        "//etc/passwd",
        "/%2fetc/passwd",
        "/app.py%00",
        "/%ff%fe",
        "/%ff/../../conftest.py",
        "/" + "x" * 5000,
        "/%",
    ],
)
def test_nothing_else(port: int, path: str) -> None:
    """By curl, which sends a path as it is; a server may refuse one before it comes to us."""
    command = [
        "curl",
        "-sS",
        "--path-as-is",
        "-o",
        "/dev/null",
        "-w",
        "%{http_code}",
        f"http://127.0.0.1:{port}/static{path}",
    ]
    done = subprocess.run(command, capture_output=True, text=True, timeout=30, check=True)
    assert done.stdout in {"400", "404"}
