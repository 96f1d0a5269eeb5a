"""What the pages show, runs."""

import ast
import doctest
import importlib.util
import re
import shlex
import tomllib
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

from rejoinder.testing import Exchange, run

ROOT = Path(__file__).parents[2]
PAGES = sorted(ROOT.glob("docs/*.md"))
BLOCK = re.compile(
    r"^(?:<!-- not run: (?P<reason>.+) -->\n+)?```(?P<language>.*)\n(?P<text>(?:.*\n)*?)```$", re.MULTILINE
)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_the_examples_of_a_page_run(page: Path) -> None:
    assert doctest.testfile(str(page), module_relative=False).failed == 0


@pytest.mark.parametrize("page", [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *PAGES], ids=lambda page: page.stem)
def test_the_links_of_a_page_lead_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\((?!https?:|#)([^)#]+)", page.read_text()):
        assert (page.parent / target).exists(), target


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_a_test_that_a_page_names_is_there(page: Path) -> None:
    text = page.read_text("utf-8")
    linked = re.findall(r"\[`(test_\w+)`\]\(\.\./(tests/[\w/]+\.py)\)", text)
    told = [(name, path) for path, name in re.findall(r"(tests/[\w/]+\.py)::(test_\w+)", text)]
    for name, path in (*linked, *told):
        names = {
            part.name for part in ast.walk(ast.parse((ROOT / path).read_text())) if isinstance(part, ast.FunctionDef)
        }
        assert name in names, f"{path}::{name}"


def test_every_block_is_of_a_kind_that_is_tested_or_needs_no_test() -> None:
    """Sessions and programs run, in test_programs.py; commands are looked up below. What is left is shown, not told."""
    languages = {block["language"] for page in PAGES for block in BLOCK.finditer(page.read_text("utf-8"))}
    assert languages <= {"python", "pycon", "console", "text", "diff"}


def commands(page: Path) -> list[list[str]]:
    blocks = [block["text"] for block in BLOCK.finditer(page.read_text("utf-8")) if block["language"] == "console"]
    lines = [re.sub(r"^(?:[A-Z_]+=\S+ )+", "", line) for line in "".join(blocks).splitlines() if line]
    return [shlex.split(line, comments=True) for line in lines]


@pytest.mark.parametrize("page", [ROOT / "README.md", *PAGES], ids=lambda page: page.stem)
def test_the_commands_of_a_page_are_there(page: Path) -> None:
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]
    targets = set(re.findall(r"^([\w-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    for command in commands(page):
        match command:
            case ["make", *wanted]:
                assert set(wanted) <= targets
            case ["pip", "install", *names]:
                asked = ",".join(extra for name in names for extra in re.findall(r"^rejoinder\[(.+)\]$", name))
                assert set(filter(None, asked.split(","))) <= set(extras)
            case ["python", "-m", module, *_]:
                assert importlib.util.find_spec(module)
            case [
                ("rejoinder" | "uvicorn"),
                *_,
            ]:  # tests/cli tries the options; the program of the page is in test_programs
                pass
            case _:
                pytest.fail(f"nobody knows whether this command exists: {shlex.join(command)}")


def test_the_program_of_the_readme_does_what_it_says(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (program,) = re.findall(r"```python\n(.*?)```", (ROOT / "README.md").read_text(), re.DOTALL)
    names: dict[str, Any] = {}
    exec(compile(program, "README.md", "exec"), names)
    client = TestClient(names["app"], follow_redirects=False)

    price = client.get("/price")
    content = price.json()
    assert datetime.fromisoformat(content.pop("at")).tzinfo is not None
    assert content == {"price": "1.10", "change": None}
    assert "city=%EC%84%9C%EC%9A%B8;" in price.headers["set-cookie"]
    assert "Partitioned" in price.headers["set-cookie"]
    assert "runs once, whatever happens" in capsys.readouterr().out

    assert (
        client.get("/go", params={"to": "https://shop.example.org/"}).headers["location"] == "https://shop.example.org/"
    )
    assert client.get("/go", params={"to": "https://evil.example/"}).status_code == 400

    monkeypatch.chdir(tmp_path)
    Path("reports").mkdir()
    Path("reports/may.txt").write_text("All is well.")
    Path("secret").write_text("hunter2")
    Path("reports/link.txt").symlink_to("../secret")
    assert client.get("/reports/may.txt", headers={"Range": "bytes=4-5"}).text == "is"
    assert client.get("/reports/june.txt").status_code == 404
    assert client.get("/reports/link.txt").status_code == 404

    async def watch() -> bytes:
        async with Exchange(names["app"], path="/prices") as exchange:
            await exchange.start()
            await names["prices"].publish({"price": 3})
            return await exchange.read()

    assert run(watch).startswith(b'data: {"price":3}\nid: ')


def test_the_readme_is_short() -> None:
    assert len((ROOT / "README.md").read_text().splitlines()) < 120
