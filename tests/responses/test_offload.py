"""Files handed over to a front server: what it is told."""

import os
from pathlib import Path
from typing import Any

import pytest

from rejoinder import AccelRedirect, FileResponse, Outcome, XSendfile
from rejoinder.testing import Answer, Exchange, fetch, run

pytestmark = pytest.mark.usefixtures("nothing_blocks", "all_closed")

BACKENDS = ["asyncio", "trio"]


def get(response: Any, method: str = "GET", backend: str = "asyncio", **options: Any) -> Answer:
    return run(lambda: fetch(response, method, **options), backend=backend)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A directory, seen through a link; what its name leads to has another."""
    (tmp_path / "real").mkdir()
    (tmp_path / "root").symlink_to("real")
    (tmp_path / "root/a.txt").write_text("a")
    (tmp_path / "outside").write_text("secret")
    (tmp_path / "root/out").symlink_to("../outside")
    (tmp_path / "root/in").symlink_to("a.txt")
    return tmp_path / "root"


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_the_order_and_what_goes_with_it(root: Path, backend: str, method: str) -> None:
    outcomes: list[Outcome] = []
    response = FileResponse(
        root / "a.txt",
        headers={"cache-control": "private", "x-user": "7"},
        filename="b.txt",
        stat_result=(root / "a.txt").stat(),
        offload=AccelRedirect("/protected/", root=root),
        on_finish=outcomes.append,
    )
    response.set_cookie("seen", "1")
    answer = get(response, method, backend, headers={"range": "bytes=0-0", "if-none-match": "*"})
    fields = dict(answer.headers)
    assert (answer.status, answer.body) == (200, b"")
    assert fields.pop(b"set-cookie").startswith(b"seen=1")
    assert fields == {
        b"cache-control": b"private",
        b"x-user": b"7",
        b"content-disposition": b'attachment; filename="b.txt"',
        b"content-type": b"text/plain; charset=utf-8",
        b"x-accel-redirect": b"/protected/a.txt",
        b"content-length": b"0",
    }
    assert (outcomes[0].status, outcomes[0].bytes_sent) == (200, 0)


@pytest.mark.skipif(os.name == "nt", reason="names there are text, and have none of these")
@pytest.mark.parametrize(
    ("name", "told"),
    [
        (b"a b", b"a%20b"),
        (b"50%", b"50%25"),
        (b"%2e%2e", b"%252e%252e"),
        (b"a?b=c", b"a%3Fb%3Dc"),
        (b"a#b", b"a%23b"),
        (b"a;b,c:d@e&f+g", b"a%3Bb%2Cc%3Ad%40e%26f%2Bg"),
        ("é寿".encode(), b"%C3%A9%E5%AF%BF"),
        (b"\xff\xfe", b"%FF%FE"),
        (b"\"'\\", b"%22%27%5C"),
        (b"...", b"..."),
    ],
)
def test_names_are_percent_encoded(root: Path, name: bytes, told: bytes) -> None:
    path = Path(os.fsdecode(os.fsencode(root) + b"/" + name))
    path.write_text("x")
    answer = get(FileResponse(path, offload=AccelRedirect("/protected/", root=root)))
    assert dict(answer.headers)[b"x-accel-redirect"] == b"/protected/" + told
    answer = get(FileResponse(path, offload=XSendfile()))
    assert dict(answer.headers)[b"x-sendfile"].endswith(b"/real/" + told)


@pytest.mark.skipif(os.name == "nt", reason="names there have none of these")
@pytest.mark.parametrize("name", ["a\nb", "a\r\nX-Accel-Redirect: etc", "\x01"])
def test_a_name_with_a_control_character_is_told_to_nobody(root: Path, name: str) -> None:
    (root / name).write_text("sent from here")
    answer = get(FileResponse(root / name, offload=AccelRedirect("/protected/", root=root)))
    assert (answer.body, answer.headers.get("x-accel-redirect")) == (b"sent from here", None)


def test_what_is_told_has_no_links(root: Path) -> None:
    offload = AccelRedirect("/protected/", root=root)
    for path in (root / "in", root / "../root/a.txt", root / "../real/a.txt"):
        assert get(FileResponse(path, offload=offload)).headers.get("x-accel-redirect") == "/protected/a.txt"
    answer = get(FileResponse("../outside", root=root, missing="404", offload=offload))
    assert answer.status == 404
    assert get(FileResponse("in", root=root, offload=offload)).headers.get("x-accel-redirect") == "/protected/a.txt"


@pytest.mark.parametrize("name", ["out", "../outside"])
def test_a_path_elsewhere_is_an_error_that_says_so(root: Path, name: str) -> None:
    response = FileResponse(root / name, offload=AccelRedirect("/protected/", root=root))

    async def main() -> None:
        async with Exchange(response) as exchange:
            with pytest.raises(
                RuntimeError, match=r"outside is not beneath .*, which is all that nginx has at /protected/"
            ):
                await exchange.start()

    run(main)


def test_a_root_is_no_prefix_of_a_name(root: Path) -> None:
    beside = root.with_name("real-secret")
    beside.write_text("x")
    with pytest.raises(RuntimeError, match="is not beneath"):
        AccelRedirect("/protected/", root=root).locate(os.fsencode(beside))


def test_what_is_not_there_is_as_without(root: Path) -> None:
    offload = AccelRedirect("/protected/", root=root)
    assert get(FileResponse(root / "nothing", missing="404", offload=offload)).status == 404
    with pytest.raises(RuntimeError, match="is not a file"):
        get(FileResponse(root, offload=offload))


def test_a_denied_websocket_is_sent_the_file(root: Path) -> None:
    response = FileResponse(root / "a.txt", offload=AccelRedirect("/protected/", root=root))
    answer = get(response, type="websocket", extensions=["websocket.http.response"])
    assert (answer.body, answer.headers.get("x-accel-redirect")) == (b"a", None)


@pytest.mark.parametrize(
    ("path", "options", "error", "text"),
    [
        ("a", {"precompressed": True}, ValueError, "cannot be used with"),
        ("a", {"delete_after": True}, ValueError, "cannot be used with"),
        ("a", {"content_digest": True}, ValueError, "cannot be used with"),
        ("a", {"status_code": 404}, ValueError, "cannot be used with"),
        (b"a", {}, ValueError, "offload is for a path, which bytes is not"),
        ("a", {"offload": "/protected/"}, TypeError, "must be an AccelRedirect"),
    ],
)
def test_mistakes_are_told_at_once(path: Any, options: dict[str, Any], error: type[Exception], text: str) -> None:
    with pytest.raises(error, match=text):
        FileResponse(path, **{"offload": XSendfile(), **options})


@pytest.mark.parametrize("prefix", ["protected/", "/protected", "", "http://a/"])
def test_a_prefix_is_a_location(prefix: str) -> None:
    with pytest.raises(ValueError, match="must begin and end with '/'"):
        AccelRedirect(prefix, root="/srv")
