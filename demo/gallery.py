"""Cards, and how to add one.

Write an ordinary FastAPI path function in the file of its lane below `demo/cards/` (a new lane is a new file, named in
`demo/cards/__init__.py`), and put `@card` over it. That makes the route, the card and its place in the navigation:

    @card(title="Send a file", about="One sentence on what it is for.", view=View.TEXT)
    def report() -> FileResponse:
        return FileResponse("report.txt")

The card shows the function's own source, and that of what is named in `uses=`: functions and classes, and names of the
same module that are assigned there. `tries=` lists the requests that a visitor may send: method, query, headers, and
the path below the card's, where the function is not an endpoint but returns `StaticFiles`, which is mounted.
`@also(report)` over another function adds it to the same card.
A new `View` needs a function of the same name in `demo/page/views.js`, or in `streams.js` there if it shows what comes
while it comes.
"""

import ast
import inspect
import re
import textwrap
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from types import UnionType
from typing import Any, TypeAlias, TypeVar, get_args
from urllib.parse import urlencode

from fastapi import APIRouter

from rejoinder import StaticFiles

Endpoint: TypeAlias = Callable[..., Any]
_Endpoint = TypeVar("_Endpoint", bound=Endpoint)


class View(StrEnum):
    """How the page shows the result of a card."""

    IMAGE = "image"
    VIDEO = "video"
    HTML = "html"
    TEXT = "text"
    JSON = "json"
    REDIRECT = "redirect"
    COOKIES = "cookies"
    JOURNAL = "journal"
    FACTS = "facts"
    FOLDER = "folder"
    PAGE = "page"
    TICKS = "ticks"
    TOKENS = "tokens"
    LINES = "lines"
    ROWS = "rows"
    ARCHIVE = "archive"
    SIZES = "sizes"
    ARRIVALS = "arrivals"


@dataclass(frozen=True, kw_only=True)
class Try:
    """A request that a visitor can send to an endpoint."""

    label: str = "Send again"
    method: str = "GET"
    path: str = ""
    query: Mapping[str, str] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Exchange:
    """A try, and the path that it goes to."""

    sent: Try
    path: str

    @property
    def target(self) -> str:
        path = self.path + self.sent.path
        return f"{path}?{urlencode(self.sent.query)}" if self.sent.query else path


@dataclass(frozen=True, kw_only=True)
class Card:
    slug: str
    title: str
    about: str
    view: View
    sources: list[str] = field(default_factory=list)
    class_names: list[str] = field(default_factory=list)
    exchanges: list[Exchange] = field(default_factory=list)

    @property
    def code(self) -> str:
        return "\n".join(self.sources)


@dataclass(frozen=True)
class Lane:
    """The cards of one file below `demo/cards/`; the first line of its docstring is the title."""

    title: str
    cards: list[Card] = field(default_factory=list)


router = APIRouter()
mounts: dict[str, StaticFiles] = {}
lanes: dict[str, Lane] = {}
_cards: dict[str, Card] = {}


def find_exchange(slug: str, number: int) -> Exchange | None:
    exchanges = _cards[slug].exchanges if slug in _cards else []
    return exchanges[number] if 0 <= number < len(exchanges) else None


def card(
    *, title: str, about: str, view: View, uses: tuple[Endpoint | str, ...] = (), tries: tuple[Try, ...] = (Try(),)
) -> Callable[[_Endpoint], _Endpoint]:
    """Makes a card, and the route that it shows, of a FastAPI path function."""

    def register(endpoint: _Endpoint) -> _Endpoint:
        made = Card(slug=_slug(endpoint), title=title, about=about, view=view)
        if made.slug in _cards:
            raise ValueError(f"there is a card {made.slug!r} already: give the function another name")
        _cards[made.slug] = made
        _lane_of(endpoint).cards.append(made)
        _add_endpoint(made, endpoint, uses, tries)
        return endpoint

    return register


def also(
    first: Endpoint, *, uses: tuple[Endpoint | str, ...] = (), tries: tuple[Try, ...]
) -> Callable[[_Endpoint], _Endpoint]:
    """Adds an endpoint to the card of another one."""

    def register(endpoint: _Endpoint) -> _Endpoint:
        _add_endpoint(_cards[_slug(first)], endpoint, uses, tries)
        return endpoint

    return register


def _slug(endpoint: Endpoint) -> str:
    return endpoint.__name__.replace("_", "-")


def _lane_of(endpoint: Endpoint) -> Lane:
    module = inspect.getmodule(endpoint)
    title = (inspect.getdoc(module) or endpoint.__module__).partition("\n")[0].rstrip(".")
    return lanes.setdefault(endpoint.__module__, Lane(title))


def _add_endpoint(card: Card, endpoint: Endpoint, uses: tuple[Endpoint | str, ...], tries: tuple[Try, ...]) -> None:
    path = f"/cards/{_slug(endpoint)}"
    if inspect.signature(endpoint).return_annotation is StaticFiles:
        mounts[path] = endpoint()  # include_router() knows no mounts
    else:
        methods = {sent.method for sent in tries}
        router.add_api_route(path, endpoint, methods=sorted(methods), response_model=None)
    card.sources.extend(
        _assignment(endpoint, shown) if isinstance(shown, str) else _source(shown) for shown in (*uses, endpoint)
    )
    card.class_names.extend(name for name in _class_names(endpoint) if name not in card.class_names)
    card.exchanges.extend(Exchange(sent, path) for sent in tries)


def _class_names(endpoint: Endpoint) -> list[str]:
    annotation = inspect.signature(endpoint).return_annotation
    classes = get_args(annotation) if isinstance(annotation, UnionType) else (annotation,)
    return [of.__name__ for of in classes]


def _assignment(endpoint: Endpoint, name: str) -> str:
    """The statement with which the endpoint's module gives something this name."""
    source = inspect.getsource(inspect.getmodule(endpoint) or endpoint)
    (line,) = re.findall(rf"^{name}\b.* = .*$", source, re.MULTILINE)
    return f"{line}\n"


def _source(shown: Endpoint) -> str:
    """The source as it stands in the file, without the gallery's own decorators."""
    source = textwrap.dedent(inspect.getsource(shown))
    definition = ast.parse(source).body[0]
    assert isinstance(definition, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef)
    lines = source.splitlines()
    for decorator in reversed(definition.decorator_list):
        if isinstance(decorator, ast.Call) and ast.unparse(decorator.func) in {card.__name__, also.__name__}:
            del lines[decorator.lineno - 1 : decorator.end_lineno]
    return "\n".join(lines) + "\n"
