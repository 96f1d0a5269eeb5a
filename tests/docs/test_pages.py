"""What the pages show, runs."""

import doctest
import re
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

from rejoinder.testing import Exchange, run

ROOT = Path(__file__).parents[2]
PAGES = sorted(ROOT.glob("docs/*.md"))


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_the_examples_of_a_page_run(page: Path) -> None:
    assert doctest.testfile(str(page), module_relative=False).failed == 0


@pytest.mark.parametrize("page", [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *PAGES], ids=lambda page: page.stem)
def test_the_links_of_a_page_lead_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\((?!https?:|#)([^)#]+)", page.read_text()):
        assert (page.parent / target).exists(), target


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
