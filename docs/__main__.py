"""`python -m docs [DIR]`: builds the site into `DIR/site`, and fails if a link leads nowhere. `DIR` is `build` if left out.

Three kinds of pages are put together in `DIR/pages`, from where Zensical takes them:

- those of this directory, as they are. They are written for a code host, too, so their links to other files of the
  repository are relative. What is linked to comes along: a Markdown file as a page, a source file as a page that shows it,
  a picture as it is;
- the reports in `bench/results`, which are linked to like that;
- the reference, one page for each public module, with every name of its `__all__`.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import tomli_w

from docs.reference import reference_pages

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"
SETTINGS = "zensical.toml"

_LINK = re.compile(r"(?<=\]\()(?!\w+:|#)([^)#\s]+)")
_FENCED = re.compile(r"^( *)```.*?^\1```$", re.MULTILINE | re.DOTALL)
_PICTURES = {".png", ".svg"}
_LANGUAGES = {".py": "python", ".toml": "toml", ".html": "html", ".css": "css", ".js": "js"}


def source_page(path: Path) -> str:
    """A page that shows a source file, and is not searched."""
    fence = f"``` {{.{_LANGUAGES.get(path.suffix, 'text')} linenums='1'}}"
    return (
        f"---\nsearch:\n  exclude: true\n---\n\n# {path.relative_to(ROOT)}\n\n{fence}\n{path.read_text('utf-8')}```\n"
    )


def page(text: str) -> str:
    """The text of a page; where it has no parts that could be listed beside it, its tables get that room."""
    return text if "\n## " in text else f"---\nhide:\n  - toc\n---\n\n{text}"


class Stage:
    """The directory of the pages, as it is filled."""

    def __init__(self, pages: Path) -> None:
        self._pages = pages
        self._waiting = sorted(DOCS.rglob("*.md"))
        self._known = set(self._waiting)

    def fill(self) -> None:
        while self._waiting:
            path = self._waiting.pop()
            place = self._place(path)
            if path.suffix in _PICTURES:
                place.parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(path, place)
            else:
                _write(place, page(self._with_links(path)) if path.suffix == ".md" else source_page(path))

    def _place(self, path: Path) -> Path:
        """Where a file of the repository is, or the page that shows it."""
        name = path.name if path.suffix in {".md", *_PICTURES} else f"{path.name}.md"
        return self._pages / path.relative_to(DOCS if path.is_relative_to(DOCS) else ROOT).with_name(name)

    def _with_links(self, path: Path) -> str:
        """The text of a page, where each link leads to a page."""

        def follow(link: re.Match[str]) -> str:
            target = (path.parent / link[1]).resolve()
            if not target.is_file() or not target.is_relative_to(ROOT):
                sys.exit(f"{path.relative_to(ROOT)}: there is no file {link[1]}")  # Zensical only looks for pages
            if target not in self._known:
                self._known.add(target)
                self._waiting.append(target)
            return os.path.relpath(self._place(target), self._place(path).parent)

        text = path.read_text("utf-8")
        fenced = [found.span() for found in _FENCED.finditer(text)]
        return _LINK.sub(lambda link: link[1] if any(a < link.start() < b for a, b in fenced) else follow(link), text)


def configuration(modules: list[str]) -> dict[str, Any]:
    """The settings, with the pages that there are and the reference in the navigation."""
    settings = tomllib.loads((DOCS / SETTINGS).read_text("utf-8"))
    project = settings["project"]
    project["plugins"]["mkdocstrings"]["handlers"]["python"]["paths"] = [str(ROOT / "src")]
    project["nav"] = navigation(project["nav"])
    project["nav"].append({"Reference": [{name: f"reference/{name}.md"} for name in modules]})
    return settings


def navigation(wanted: list[str | dict[str, list[str]]]) -> list[str | dict[str, list[str]]]:
    """What is wanted and there; pages that nobody wanted at the end of the guides."""
    sections = {title: pages for part in wanted if isinstance(part, dict) for title, pages in part.items()}
    listed = {page for pages in sections.values() for page in pages} | {
        part for part in wanted if isinstance(part, str)
    }
    sections["Guides"] += sorted({path.name for path in DOCS.glob("*.md")} - listed)
    start: list[str | dict[str, list[str]]] = [page for page in wanted if isinstance(page, str)]
    return start + [{title: [page for page in pages if (DOCS / page).exists()]} for title, pages in sections.items()]


def _write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, "utf-8")


def main() -> None:
    build = Path(sys.argv[1] if len(sys.argv) > 1 else ROOT / "build").resolve()
    pages = build / "pages"
    shutil.rmtree(pages, ignore_errors=True)
    Stage(pages).fill()
    reference = reference_pages()
    for module, text in reference.items():
        _write(pages / "reference" / f"{module}.md", text)
    shutil.copytree(DOCS / "theme", pages / "theme")
    _write(build / SETTINGS, tomli_w.dumps(configuration(list(reference))))
    command = [sys.executable, "-m", "zensical", "build", "--strict", "--clean", "-f", str(build / SETTINGS)]
    sys.exit(subprocess.run(command, cwd=ROOT, check=False).returncode)


if __name__ == "__main__":
    main()
