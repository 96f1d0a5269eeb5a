"""`rejoinder serve` of a bucket, from another process: what it serves, and what it says where it cannot."""

import re
import subprocess
import sys
from collections.abc import Iterator

import httpx
import pytest
from tests.cli.conftest import COMMAND, ENVIRONMENT, Serving, check_end
from tests.objectstore.conftest import ACCOUNT, BUCKET, KEY, azure, s3

from rejoinder.cli import main

pytest.importorskip("uvicorn", reason="the command needs uvicorn")

pytestmark = pytest.mark.wire

SCHEMES = {"s3": "s3", "az": "azure"}


def environment(scheme: str, port: int, **changes: str) -> dict[str, str]:
    """What tells obstore who asks, and where."""
    told = {
        "s3": {
            "AWS_ENDPOINT": f"http://127.0.0.1:{port}",
            "AWS_ALLOW_HTTP": "true",
            "AWS_ACCESS_KEY_ID": "key",
            "AWS_SECRET_ACCESS_KEY": "secret",
            "AWS_REGION": "us-east-1",
        },
        "az": {
            "AZURE_STORAGE_ENDPOINT": f"http://127.0.0.1:{port}/{ACCOUNT}",
            "AZURE_ALLOW_HTTP": "true",
            "AZURE_STORAGE_ACCOUNT_NAME": ACCOUNT,
            "AZURE_STORAGE_ACCOUNT_KEY": KEY,
        },
    }[scheme]
    return {**ENVIRONMENT, **told, **changes}


@pytest.fixture(scope="module", params=SCHEMES)
def bucket(request: pytest.FixtureRequest) -> tuple[str, dict[str, str]]:
    """The URL of what is below a prefix, and the environment: the test runs with each kind."""
    scheme: str = request.param
    port: int = request.getfixturevalue(f"{SCHEMES[scheme]}_port")
    store = {"s3": s3, "az": azure}[scheme](port)
    for name in ("film.mp4", "docs/index.html", "music/2.ogg", ".env", "app/index.html"):
        store.put(f"served/{name}", name.encode())
    store.put("secret", b"secret")
    return f"{scheme}://{BUCKET}/served", environment(scheme, port)


@pytest.fixture(scope="module")
def serving(bucket: tuple[str, dict[str, str]]) -> Iterator[Serving]:
    url, told = bucket
    serving = Serving(url, "--port", "0", env=told)
    try:
        yield serving
    finally:
        check_end(serving)


def test_it_says_what_it_serves_and_where(serving: Serving, bucket: tuple[str, dict[str, str]]) -> None:
    assert serving.said == f"Serving {bucket[0]} at http://127.0.0.1:{serving.port}/ (Ctrl-C ends it)"


@pytest.mark.parametrize(
    ("path", "headers", "status", "content"),
    [
        pytest.param("film.mp4", {}, 200, b"film.mp4", id="object"),
        pytest.param("film.mp4", {"range": "bytes=1-2"}, 206, b"il", id="range"),
        pytest.param("film.mp4", {"if-none-match": "*"}, 304, b"", id="not-modified"),
        pytest.param("docs/", {}, 200, b"docs/index.html", id="index"),
        pytest.param("docs", {}, 307, b"", id="directory-without-slash"),
        pytest.param("nothing", {}, 404, b"Not Found", id="nothing"),
        pytest.param("nothing/", {}, 404, b"Not Found", id="no directory"),
        pytest.param(".env", {}, 404, b"Not Found", id="dotfile"),
        pytest.param("%2e%2e/secret", {}, 404, b"Not Found", id="above"),
    ],
)
def test_objects_are_served(serving: Serving, path: str, headers: dict[str, str], status: int, content: bytes) -> None:
    answer = httpx.get(serving.url + path, headers=headers)
    assert (answer.status_code, answer.content) == (status, content)
    assert serving.line().split()[2] == str(status)


def test_every_link_of_a_listing_leads_somewhere(serving: Serving) -> None:
    page = httpx.get(serving.url).text
    links = re.findall(r'<th scope="row"><a href="./([^"]+)">', page)
    assert links == ["app/", "docs/", "music/", "film.mp4"]
    assert [httpx.get(serving.url + link).status_code for link in links] == [200] * 4
    assert [serving.line().split()[2] for _ in range(5)] == ["200"] * 5


def run(*arguments: str, **changes: str) -> subprocess.CompletedProcess[str]:
    """The command where it is expected to end by itself."""
    told = {**ENVIRONMENT, **changes}
    return subprocess.run([*COMMAND, "serve", *arguments], env=told, capture_output=True, text=True, check=False)


def test_a_single_page_app(bucket: tuple[str, dict[str, str]]) -> None:
    url, told = bucket
    serving = Serving(f"{url}/app/", "--spa", "--port", "0", env=told)
    try:
        answer = httpx.get(serving.url + "users/7", headers={"sec-fetch-mode": "navigate"})
        assert (answer.status_code, answer.text) == (200, "app/index.html")
    finally:
        serving.end()
    ended = run(url, "--spa", **told)
    assert (ended.returncode, ended.stderr) == (1, f"rejoinder serve: --spa needs an index.html in '{url}'\n")


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        pytest.param({"AZURE_STORAGE_ACCOUNT_KEY": "AAAA"}, "403 Forbidden", id="wrong credentials"),
        pytest.param({"AZURE_STORAGE_ACCOUNT_NAME": ""}, "Account must be specified", id="no account"),
        pytest.param({"AZURE_STORAGE_ENDPOINT": "http://127.0.0.1:9"}, "error sending request", id="nobody there"),
    ],
)
def test_no_access_is_told_in_two_lines(azure_port: int, change: dict[str, str], reason: str) -> None:
    told = {name: value for name, value in environment("az", azure_port, **change).items() if value}
    ended = subprocess.run(
        [*COMMAND, "serve", f"az://{BUCKET}"], env=told, capture_output=True, text=True, check=False, timeout=50
    )
    assert (ended.returncode, ended.stdout) == (1, "")
    error, hint = ended.stderr.splitlines()
    assert error.startswith(f"rejoinder serve: cannot serve 'az://{BUCKET}': ")
    assert reason in error
    assert hint.startswith("Who asks, and where, is told by the environment: AZURE_STORAGE_ACCOUNT_NAME, ")


def test_a_key_that_obstore_cannot_read_keeps_nobody_from_the_others(s3_port: int) -> None:
    with httpx.Client(base_url=f"http://127.0.0.1:{s3_port}") as client:
        for target in ("/odd", "/odd/a//b", "/odd/c"):
            client.put(target).raise_for_status()
    serving = Serving("s3://odd", "--port", "0", env=environment("s3", s3_port))
    try:
        assert httpx.get(serving.url + "c").status_code == 200
        assert httpx.get(serving.url).status_code == 200
        assert httpx.get(serving.url + "a/").status_code == 502
    finally:
        status, _, errors = serving.end()
    assert status == 0
    assert errors.startswith("an object store does not give 'a': Encountered object with invalid path")


def test_a_bucket_that_is_not_there(s3_port: int) -> None:
    ended = run("s3://nobody/a", **environment("s3", s3_port))
    assert ended.returncode == 1
    assert "404 Not Found" in ended.stderr
    assert "AWS_ACCESS_KEY_ID" in ended.stderr
    assert "Traceback" not in ended.stderr


@pytest.mark.parametrize("url", ["ftp://bucket/a", "s3://", "s3:///a", "s3://bucket/a?b", "s3://bucket/a#b", "://"])
def test_what_is_no_url_of_a_bucket(url: str) -> None:
    with pytest.raises(SystemExit) as raised:
        main(["serve", url])
    assert raised.value.code == (
        f"rejoinder serve: {url!r} is no URL of a bucket, such as s3://bucket/prefix, az://container/prefix or "
        "gs://bucket/prefix"
    )


def test_what_is_no_name_of_a_bucket() -> None:
    with pytest.raises(SystemExit) as raised:
        main(["serve", "s3://a b/c", "--spa"])
    assert str(raised.value.code).startswith("rejoinder serve: cannot serve 's3://a b/c': invalid domain character\n")


def test_without_obstore_the_command_says_how_to_get_it() -> None:
    code = "import sys; sys.modules['obstore.store'] = None; from rejoinder.cli import main; main(['serve', 'gs://a'])"
    command = [sys.executable, "-W", "error", "-c", code]
    ended = subprocess.run(command, env=ENVIRONMENT, capture_output=True, text=True, check=False)
    assert ended.returncode == 1
    assert ended.stderr == 'rejoinder serve: object stores need obstore: pip install "rejoinder[obstore]"\n'
