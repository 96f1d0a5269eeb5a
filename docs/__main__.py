"""`python -m docs`: builds the site into `build/site`, and fails at the first link that leads nowhere.

Three kinds of pages are put together in `build/pages`, from where Zensical takes them:

- those of this directory, as they are. They are written for a code host, too, so their links to other files of the
  repository are relative. What is linked to comes along: a Markdown file as a page, a source file as a page that shows it;
- the reports in `bench/results`, which are linked to like that;
- the reference, one page for each public module, with every name of its `__all__`.
"""

from __future__ import annotations

import importlib
import os
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import tomli_w

import rejoinder

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"
BUILD = ROOT / "build"
PAGES = BUILD / "pages"
SITE = BUILD / "site"

_LINK = re.compile(r"(?<=\]\()(?!\w+:|#)([^)#\s]+)")
_FENCED = re.compile(r"^( *)```.*?^\1```$", re.MULTILINE | re.DOTALL)
_LANGUAGES = {".py": "python", ".toml": "toml", ".html": "html", ".css": "css", ".js": "js"}


def public_modules() -> list[str]:
    """The modules that users import names from: the package itself, and what is below it, has `__all__` and no `_`."""
    package = Path(rejoinder.__file__).parent
    names = sorted(path.stem for path in package.glob("[!_]*.py"))
    return ["rejoinder", *(f"rejoinder.{name}" for name in names if hasattr(_module(f"rejoinder.{name}"), "__all__"))]


def documented_names(modules: list[str]) -> dict[str, list[str]]:
    """Of each module, the public names that no module before it has."""
    seen: set[int] = set()
    names: dict[str, list[str]] = {}
    for module in modules:
        found = {name: getattr(_module(module), name) for name in _module(module).__all__ if not name.startswith("_")}
        names[module] = [name for name, value in found.items() if id(value) not in seen]
        seen.update(map(id, found.values()))
    return names


def reference_page(module: str, names: list[str]) -> str:
    """The page of a module; Zensical has mkdocstrings put the docstrings in."""
    parts = [f"# `{module}`", f"::: {module}\n    options:\n      members: false\n      show_root_heading: false"]
    elsewhere = [name for name in _module(module).__all__ if name not in names and not name.startswith("_")]
    if elsewhere:
        links = ", ".join(f"[`{name}`](rejoinder.md#rejoinder.{name})" for name in elsewhere)
        parts.append(f"Also here: {links}.")
    return "\n\n".join([*parts, *(f"::: {module}.{name}" for name in names)]) + "\n"


def source_page(path: Path) -> str:
    """A page that shows a source file, and is not searched."""
    fence = f"``` {{.{_LANGUAGES.get(path.suffix, 'text')} linenums='1'}}"
    return (
        f"---\nsearch:\n  exclude: true\n---\n\n# {path.relative_to(ROOT)}\n\n{fence}\n{path.read_text('utf-8')}```\n"
    )


class Stage:
    """`build/pages`, as it is filled."""

    def __init__(self) -> None:
        self._waiting = sorted(DOCS.rglob("*.md"))
        self._known = set(self._waiting)

    def fill(self) -> None:
        while self._waiting:
            path = self._waiting.pop()
            text = self._with_links(path) if path.suffix == ".md" else source_page(path)
            _write(self._place(path), text)

    def _place(self, path: Path) -> Path:
        """Where the page for a file of the repository is."""
        if path.is_relative_to(DOCS):
            return PAGES / path.relative_to(DOCS)
        return PAGES / path.relative_to(ROOT).with_name(path.name.removesuffix(".md") + ".md")

    def _with_links(self, path: Path) -> str:
        """The text of a page, where each link leads to a page."""

        def follow(link: re.Match[str]) -> str:
            target = (path.parent / link[1]).resolve()
            if not target.is_file() or not target.is_relative_to(ROOT):
                return link[1]  # Zensical will complain
            if target not in self._known:
                self._known.add(target)
                self._waiting.append(target)
            return os.path.relpath(self._place(target), self._place(path).parent)

        text = path.read_text("utf-8")
        fenced = [found.span() for found in _FENCED.finditer(text)]
        return _LINK.sub(lambda link: link[1] if any(a < link.start() < b for a, b in fenced) else follow(link), text)


def configuration(modules: list[str]) -> dict[str, Any]:
    """`zensical.toml`, with the pages that there are and the reference in its navigation."""
    settings = tomllib.loads((DOCS / "zensical.toml").read_text("utf-8"))
    nav: list[dict[str, list[str]]] = settings["project"]["nav"]
    sections = {title: pages for section in nav for title, pages in section.items()}
    listed = {page for pages in sections.values() for page in pages}
    sections["Guides"] += sorted({path.name for path in DOCS.glob("*.md")} - listed)
    kept = [{title: [page for page in pages if (DOCS / page).exists()]} for title, pages in sections.items()]
    settings["project"]["nav"] = [*kept, {"Reference": [{name: f"reference/{name}.md"} for name in modules]}]
    return settings


def _module(name: str) -> Any:
    return importlib.import_module(name)


def _write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, "utf-8")


def main() -> None:
    shutil.rmtree(BUILD, ignore_errors=True)
    modules = public_modules()
    Stage().fill()
    for module, names in documented_names(modules).items():
        _write(PAGES / "reference" / f"{module}.md", reference_page(module, names))
    shutil.copytree(DOCS / "theme", PAGES / "theme")
    _write(BUILD / "zensical.toml", tomli_w.dumps(configuration(modules)))
    command = [sys.executable, "-m", "zensical", "build", "--strict", "--clean", "-f", str(BUILD / "zensical.toml")]
    sys.exit(subprocess.run(command, cwd=ROOT, check=False).returncode)


if __name__ == "__main__":
    main()
