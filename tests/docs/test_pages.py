"""What the pages show, runs."""

import doctest
import re
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

ROOT = Path(__file__).parents[2]
PAGES = sorted(ROOT.glob("docs/*.md"))


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_the_examples_of_a_page_run(page: Path) -> None:
    assert doctest.testfile(str(page), module_relative=False).failed == 0


@pytest.mark.parametrize("page", [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *PAGES], ids=lambda page: page.stem)
def test_the_links_of_a_page_lead_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\((?!https?:|#)([^)#]+)", page.read_text()):
        assert (page.parent / target).exists(), target


def test_the_program_of_the_readme_does_what_it_says(capsys: pytest.CaptureFixture[str]) -> None:
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


def test_the_readme_is_short() -> None:
    assert len((ROOT / "README.md").read_text().splitlines()) < 120
