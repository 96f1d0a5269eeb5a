"""StaticFiles: which file a URL means; that none means a file elsewhere."""

import os
import socket
from collections.abc import Iterator
from pathlib import Path
from tempfile import gettempdir
from typing import Any
from urllib.parse import quote, unquote_to_bytes

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from starlette.exceptions import HTTPException

from rejoinder import StaticFiles
from rejoinder.testing import Answer, Exchange, run

pytestmark = pytest.mark.usefixtures("nothing_blocks", "all_closed", "system")


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A directory with everything in it that leads out of it, and its surroundings."""
    around = tmp_path_factory.mktemp("around")
    root = around / "root"
    (root / "sub").mkdir(parents=True)
    (root / ".well-known").mkdir()
    (around / "root-beside").mkdir()
    for name in (
        "file.txt",
        "sub/file.txt",
        ".env",
        ".well-known/file.txt",
        "sub/.hidden",
        "back\\slash.txt",
        "C:here.txt",
        "a b%20c.txt",
    ):
        (root / name).write_text(name)
    (root / os.fsdecode(b"caf\xe9.txt")).write_text("latin-1")
    for secret in (around / "secret.txt", around / "root-beside/file.txt"):
        secret.write_text("secret")
    (root / "link.txt").symlink_to("sub/file.txt")
    (root / "absolute.txt").symlink_to(root / "sub/file.txt")
    (root / "out.txt").symlink_to("../secret.txt")
    (root / "up").symlink_to("..")
    (root / "loop").symlink_to("loop")
    (root / "dangling").symlink_to("nowhere")
    (root / "magic").symlink_to("/proc/self/cwd")
    (root / "device").symlink_to("/dev/null")
    os.mkfifo(root / "fifo")
    before = Path.cwd()
    os.chdir(root)  # the name of a socket is short
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind("socket")
        os.chdir(before)
        yield root


def ask(app: Any, target: str, method: str = "GET", headers: Any = (), **more: Any) -> Answer:
    """The answer to this request target, decoded as servers do."""
    path, _, query = target.partition("?")

    async def main() -> Answer:
        exchange = Exchange(app, method, "/", headers=headers, query=query.encode("latin-1"))
        raw = path.encode("latin-1")
        exchange.scope.update({"path": unquote_to_bytes(raw).decode(errors="replace"), "raw_path": raw, **more})
        async with exchange:
            body = await exchange.body()
        return Answer(exchange.messages, body, exchange.complete)

    return run(main)


FOUND = {
    "/file.txt": "file.txt",
    "/sub/file.txt": "sub/file.txt",
    "/%66ile.txt": "file.txt",
    "/./file.txt": "file.txt",
    "//file.txt": "file.txt",
    "/sub//file.txt": "sub/file.txt",
    "/sub/../file.txt": "file.txt",
    "/nowhere/../file.txt": "file.txt",
    "/file.txt/": "file.txt",
    "/file.txt/.": "file.txt",
    "/link.txt": "sub/file.txt",
    "/up/root/file.txt": "file.txt",
    "/absolute.txt": "sub/file.txt",
    "/back%5Cslash.txt": "back\\slash.txt",
    "/a%20b%2520c.txt": "a b%20c.txt",
    "/caf%e9.txt": "latin-1",
    "/.well-known/file.txt": ".well-known/file.txt",
}
NOT_FOUND = [
    "",
    "/",
    "/sub",
    "/missing",
    "/file.txt/below",
    "/../secret.txt",
    "/..",
    "/sub/../../secret.txt",
    "/%2e%2e/secret.txt",
    "/..%2fsecret.txt",
    "/%2e%2e%2fsecret.txt",
    "/%252e%252e/secret.txt",
    "/..%5csecret.txt",
    "/..\\secret.txt",
    "/../root-beside/file.txt",
    "/../root/file.txt",
    "//secret.txt/",
    "//host/share/file.txt",
    "/%5c%5chost%5cshare",
    "/%5cfile.txt",
    "/%2fetc/passwd",
    "//etc/passwd",
    "/C:/secret.txt",
    "/C:%5csecret.txt",
    "/file.txt%00",
    "/%00",
    "/file.txt::$DATA",
    "/out.txt",
    "/up/secret.txt",
    "/loop",
    "/dangling",
    "/magic/etc/passwd",
    "/device",
    "/fifo",
    "/socket",
    "/" + "x" * 300,
    "/" + "x/" * 3000,
    "/%ff",
    "/caf%c3%a9.txt",
    "/%ed%a0%80",
    "/.env",
    "/sub/.hidden",
    "/sub/%2ehidden",
    "/sub/.hidden/../file.txt/../.hidden",
    "/.well-known",
    "/.%77ell-known/../.env",
]


@pytest.mark.parametrize("target", FOUND)
def test_found(tree: Path, target: str) -> None:
    answer = ask(StaticFiles(directory=tree), target)
    assert (answer.status, answer.body.decode()) == (200, FOUND[target])
    assert answer.headers.get("x-content-type-options") == "nosniff"


@pytest.mark.parametrize("target", NOT_FOUND)
@pytest.mark.parametrize("options", [{}, {"html": True}], ids=["plain", "html"])
def test_not_found(tree: Path, target: str, options: dict[str, Any]) -> None:
    with pytest.raises(HTTPException) as raised:
        ask(StaticFiles(directory=tree, **options), target)
    assert (raised.value.status_code, raised.value.headers) == (404, None)


LEADS_OUT = {
    "/out.txt": "secret",
    "/up/secret.txt": "secret",
    "/up/root/file.txt": "file.txt",
    "/link.txt": "sub/file.txt",
}


@pytest.mark.parametrize("target", LEADS_OUT)
def test_links_may_lead_out_where_that_is_asked_for(tree: Path, target: str) -> None:
    assert ask(StaticFiles(directory=tree, follow_symlink=True), target).body.decode() == LEADS_OUT[target]


@pytest.mark.parametrize(
    "target", [target for target in NOT_FOUND if target not in LEADS_OUT and not target.startswith("/magic")]
)
def test_but_nothing_else(tree: Path, target: str) -> None:
    with pytest.raises(HTTPException, match="404"):
        ask(StaticFiles(directory=tree, follow_symlink=True), target)


@pytest.mark.parametrize(
    "target", ["/../secret.txt", "/..", "/..%2fsecret.txt", "/%5cfile.txt", "/sub/../../secret.txt"]
)
@pytest.mark.parametrize("follow", [False, True])
def test_dotfiles_are_not_the_way_up(tree: Path, target: str, follow: bool) -> None:
    app = StaticFiles(directory=tree, dotfiles=True, follow_symlink=follow)
    with pytest.raises(HTTPException, match="404"):
        ask(app, target)
    assert ask(app, "/.env").body == b".env"
    assert ask(app, "/sub/.hidden").body == b"sub/.hidden"


@pytest.mark.parametrize(
    "path", ["/etc/passwd", "\\\\host\\share", "C:\\secret.txt", "C:here.txt", "../secret.txt", "a/../../b"]
)
@pytest.mark.parametrize("follow", [False, True])
def test_a_path_that_a_subclass_makes(tree: Path, path: str, follow: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    class Mapped(StaticFiles):
        def get_path(self, scope: Any) -> str:
            return path

    if path.startswith("C:"):
        monkeypatch.setattr(os.path, "splitdrive", lambda path: (path[:2], path[2:]))
    with pytest.raises(HTTPException, match="404"):
        ask(Mapped(directory=tree, follow_symlink=follow), "/")


def test_raw_path_is_only_asked_where_path_could_not_be_decoded(tree: Path) -> None:
    """And says the same: whoever allowed this request has looked at `path`."""
    app = StaticFiles(directory=tree, dotfiles=True)
    assert ask(app, "/file.txt", raw_path=b"/.env").body == b"file.txt"
    for raw in (b"/%ff/../.env", b"", None):
        with pytest.raises(HTTPException, match="404"):
            ask(app, "/caf%e9.txt", raw_path=raw)
    assert ask(app, "/static/caf%e9.txt", root_path="/static").body == b"latin-1"


@pytest.mark.parametrize("target", ["/file.txt", "/sub/index.html"])
def test_what_may_not_be_read(tree: Path, target: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """As for a user that is not root."""
    from rejoinder._sources.local import LocalFile

    async def open_(self: LocalFile) -> Any:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(LocalFile, "open", open_)
    with pytest.raises(HTTPException) as raised:
        ask(StaticFiles(directory=tree), target)
    assert (raised.value.status_code, raised.value.headers) == (403, None)


@pytest.mark.skipif(os.name != "posix" or os.geteuid() != 0, reason="only root can be somebody else")
def test_what_another_user_may_not_read(tmp_path: Path) -> None:
    """A directory that can only be entered, one that cannot, and a file."""
    for name, mode in {"entered": 0o711, "closed": 0o700}.items():
        (tmp_path / name).mkdir()
        (tmp_path / name / "index.html").write_text(name)
        (tmp_path / name).chmod(mode)
    (tmp_path / "file").touch(0o600)
    for above in [tmp_path, *tmp_path.parents]:
        if above == Path(gettempdir()):
            break
        above.chmod(0o755)
    app = StaticFiles(directory=tmp_path, html=True, listing=True)

    def status(target: str) -> int:
        try:
            return ask(app, target).status
        except HTTPException as error:
            return error.status_code

    assert status("/entered/") == 200
    os.seteuid(65534)
    try:
        found = {target: status(target) for target in ("/entered/", "/closed/", "/closed/index.html", "/file", "/x")}
        app.html = False
        found["listing"] = status("/entered/")
    finally:
        os.seteuid(0)
    assert found == {
        "/entered/": 200,
        "/closed/": 403,
        "/closed/index.html": 403,
        "/file": 403,
        "/x": 404,
        "listing": 403,
    }


REDIRECTS = {
    "/sub": "./sub/",
    "/sub?a=1&b=%20": "./sub/?a=1&b=%20",
    "/sub?a=\r\nx: y\xff": "./sub/?a=%0D%0Ax:%20y%FF",
    "//sub": "./sub/",
    "//evil.example/../sub": "./sub/",
    "//evil.example/..%2fsub": "./sub/",
    "/%5cevil.example/../sub": "./sub/",
    "/sub/.": "./.",
    "/a:b": "./a%3Ab/",
    "/%c3%bc": "./%C3%BC/",
    "/%e9": "./%E9/",
    "/static/sub": "./sub/",
}


@pytest.mark.parametrize("target", REDIRECTS)
@pytest.mark.parametrize("options", [{"html": True}, {"listing": True}], ids=["html", "listing"])
def test_redirects_to_a_directory(tmp_path: Path, target: str, options: dict[str, Any]) -> None:
    for name in ("sub", "a:b", "ü", os.fsdecode(b"\xe9")):
        (tmp_path / name).mkdir()
        (tmp_path / name / "index.html").touch()
    answer = ask(StaticFiles(directory=tmp_path, **options), target, root_path="/static")
    location = REDIRECTS[target]
    assert (answer.status, answer.headers.get("location")) == (307, location if location != "./." else "././")
    assert answer.body == b""


@pytest.mark.parametrize("target", ["/", "/sub/", "", "//evil.example/..", "//evil.example/../"])
def test_no_redirect(tmp_path: Path, target: str) -> None:
    (tmp_path / "sub").mkdir()
    for place in (tmp_path, tmp_path / "sub"):
        (place / "index.html").write_text(place.name)
    if target == "//evil.example/..":
        assert ask(StaticFiles(directory=tmp_path, html=True), target).headers.get("location") == "./../"
    else:
        assert ask(StaticFiles(directory=tmp_path, html=True), target).status == 200


SEGMENT = st.sampled_from(
    ["..", ".", "", "file.txt", "sub", "up", "out.txt", "%2e%2e", "%00", "%5c", "%ff", "C:", ".env"]
)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(target=st.lists(SEGMENT | st.text(st.characters(max_codepoint=255, exclude_characters="?"))).map("/".join))
def test_whatever_a_client_asks_for_is_in_the_directory_or_not_there(tree: Path, target: str) -> None:
    app = StaticFiles(directory=tree, html=True, listing=True)
    try:
        answer = ask(app, f"/{target}", headers={"range": target.encode().hex()})
        status, body = answer.status, answer.body
    except HTTPException as error:
        status, body = error.status_code, b""
    assert status in {200, 307, 404}
    assert b"secret" not in body


def test_names_are_quoted_once(tree: Path) -> None:
    assert ask(StaticFiles(directory=tree), "/" + quote("a b%20c.txt")).status == 200
