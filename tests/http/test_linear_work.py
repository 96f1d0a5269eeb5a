"""What a client sends costs linear work. Counted, not timed: the same on every machine, however busy it is.

Two things take time here. Python's own steps are counted as a tracer sees them: with twice the field, they may double.
What a regular expression does is not seen; so each of them has a form that cannot scan anything twice.
"""

import importlib
import re
import sys
from collections.abc import Callable, Iterator
from functools import partial
from types import ModuleType
from typing import Any

import pytest

from rejoinder._encode.sse import parse_last_event_id
from rejoinder._http import coding, conditions, dates, etags, forwarding, negotiation, ranges
from rejoinder._http.coding import code, plain_request, read_request, without_range
from rejoinder._http.conditions import Validators, evaluate, range_applies
from rejoinder._http.etags import ETag
from rejoinder._http.forwarding import forward_request, path_beneath
from rejoinder._http.negotiation import parse_accept_encoding, wants_page
from rejoinder._http.ranges import parse_range
from rejoinder._plan import Representation, plan

parser: Any = importlib.import_module("re._parser")  # what no type checker knows
SIZE = 10**12
NOW = 1_700_000_000
FIELD = 64 * 1024

SHAPES: dict[str, Callable[[int], bytes]] = {
    "one range again and again": lambda n: b"bytes=" + b"0-0," * (n // 4),
    "ranges one by one": lambda n: b"bytes=" + b",".join(b"%d-%d" % (2 * i, 2 * i) for i in range(n // 12)),
    "ranges backwards": lambda n: b"bytes=" + b",".join(b"%d-" % i for i in range(n // 8, 0, -1)),
    "commas": lambda n: b"bytes=" + b"," * n,
    "tabs": lambda n: b"bytes=" + b"\t" * n + b"x",
    "tabs and commas": lambda n: b"bytes=" + b"\t," * (n // 2),
    "digits": lambda n: b"bytes=" + b"9" * n + b"-",
    "zeros": lambda n: b"bytes=" + b"0" * n + b"-" + b"0" * n,
    "dashes": lambda n: b"bytes=" + b"-" * n,
    "a unit without an end": lambda n: b"b" * n,
    "tags": lambda n: b'"b",' * (n // 4),
    "quotes": lambda n: b'"' * n,
    "opened and not closed": lambda n: b',"' * (n // 2),
    "one long tag": lambda n: b'"' + b"b" * n,
    "weak and nothing": lambda n: b"W/," * (n // 3),
    "tags, spaces, no comma": lambda n: b'"b" ' * (n // 4),
    "tags, and last the one that there is": lambda n: b'"b",' * (n // 4) + b'"a"',
    "opened and not closed, and the one that there is": lambda n: b',"' * (n // 2) + b'"a"',
    "stars": lambda n: b"*," * (n // 2),
    "a date and more": lambda n: b"Sun, 06 Nov 1994 08:49:37 GMT" + b" " * n,
    "days": lambda n: b"Sun, " * (n // 5),
    "coded tags": lambda n: b'W/"a-gzip",' * (n // 11),
    "codings": lambda n: b"gzip;q=0.5," * (n // 11),
    "codings of many names": lambda n: b",".join(b"%x" % i for i in range(n // 5)),
    "weights without an end": lambda n: b"gzip;" * (n // 5),
    "pages that are not wanted": lambda n: b"text/html;q=0.0 " * (n // 16),
    "dots": lambda n: b"/..." * (n // 4),
    "percent signs": lambda n: b"%" * n,
    "encoded dots": lambda n: b"/%2e;" * (n // 5),
}
CURRENT = Validators(ETag(b"a"), 784111777, NOW)
OFFERED = (b"br", b"gzip")
CONDITIONAL = [conditions.IF_MATCH, conditions.IF_NONE_MATCH, conditions.IF_MODIFIED_SINCE]


def read_all(value: bytes) -> None:
    """Every way in which a field is read."""
    parse_range(value, SIZE, 10**6)
    for name in (*CONDITIONAL, conditions.IF_UNMODIFIED_SINCE):
        evaluate("GET", {name: value}, CURRENT)
    range_applies({conditions.IF_RANGE: value}, CURRENT)
    facts = Representation(size=SIZE, etag=CURRENT.etag, last_modified=CURRENT.last_modified, as_of=NOW)
    for name in (b"range", *CONDITIONAL):
        plan("GET", [(name, value), (b"x-other", value)], facts, boundary=b"frontier")
    parse_accept_encoding(value)
    wants_page([(b"accept", value)])
    parse_last_event_id([(b"last-event-id", value)])
    path_beneath(b"/", value, value)
    forward_request([(b"connection", value), (b"via", value)], "1.1", None)
    request = [(b"accept-encoding", b"gzip"), *((name, value) for name in (b"range", *CONDITIONAL))]
    asked = read_request(request, OFFERED)
    plain_request("PUT", request, asked, OFFERED)
    without_range([*request, (conditions.IF_RANGE, value)])
    code(asked, 304, [(b"etag", b'"a"'), (b"vary", value), (b"cache-control", value)], 500)


def steps(call: Callable[[], object]) -> int:
    """How many steps of Python a call takes."""
    counted = 0

    def trace(frame: Any, event: str, argument: object) -> Any:
        nonlocal counted
        frame.f_trace_opcodes = True
        counted += 1
        return trace

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        call()
    finally:
        sys.settrace(before)
    return counted


steps(lambda: None)  # Python 3.12 counts no opcodes until it was asked to once


@pytest.mark.parametrize("name", SHAPES)
def test_twice_the_field_is_twice_the_work(name: str) -> None:
    small, large = (steps(partial(read_all, SHAPES[name](n))) for n in (FIELD // 32, FIELD // 16))
    assert 0 < large < 2.2 * small


def test_a_list_without_the_tag_that_there_is_is_not_read_tag_by_tag() -> None:
    fields = {conditions.IF_NONE_MATCH: SHAPES["tags"](FIELD)}
    assert steps(partial(evaluate, "GET", fields, CURRENT)) < 1000


@pytest.mark.parametrize("name", SHAPES)
def test_a_field_with_more_ranges_than_are_served_is_not_read_range_by_range(name: str) -> None:
    assert steps(partial(parse_range, SHAPES[name](FIELD), SIZE, 100)) < 1000


def patterns(module: ModuleType) -> Iterator[tuple[str, re.Pattern[bytes]]]:
    """Each regular expression of a module, with its name."""
    for name, value in vars(module).items():
        for each in value if isinstance(value, tuple) else (value,):
            if isinstance(each, re.Pattern):
                yield name, each
            elif isinstance(pattern := getattr(each, "__self__", None), re.Pattern):
                yield name, pattern


PATTERNS = [
    pytest.param(pattern, id=f"{module.__name__.rpartition('.')[2]}.{name}")
    for module in (ranges, etags, dates, coding, forwarding, negotiation)
    for name, pattern in patterns(module)
    if name != "_is_bare"  # for the tags of callers
]


def repeats(tree: Any) -> Iterator[tuple[Any, Any]]:
    """The operators of a parsed expression that may go on without end, with what they repeat."""
    for operator, argument in tree:
        if (
            operator in {parser.MAX_REPEAT, parser.MIN_REPEAT, parser.POSSESSIVE_REPEAT}
            and argument[1] is parser.MAXREPEAT
        ):
            yield operator, argument[2]
        for part in argument if isinstance(argument, tuple | list) else (argument,):
            for inner in part if isinstance(part, list) else (part,):
                if isinstance(inner, parser.SubPattern):
                    yield from repeats(inner)


@pytest.mark.parametrize("pattern", PATTERNS)
def test_a_regular_expression_never_goes_back(pattern: re.Pattern[bytes]) -> None:
    """What may go on without end is possessive, and repeats one character: from one place, one scan."""
    for operator, repeated in repeats(parser.parse(pattern.pattern)):
        assert operator is parser.POSSESSIVE_REPEAT
        assert [kind for kind, _ in repeated] in ([parser.IN], [parser.LITERAL])


def test_a_search_does_not_begin_again_where_it_has_been() -> None:
    """The one expression that is tried at many places: all its scans are not longer than the field, three times."""
    begins = re.compile(rb'(?:\A|,)[ \t]*+(?:W/)?(?:"' + etags._ETAGC + rb'*+"?[ \t]*+)?')
    assert etags._list_element.pattern.startswith(rb"(?:\A|,)")
    for shape in SHAPES.values():
        value = shape(FIELD)
        scans = [begins.match(value, at) for at in range(len(value)) if value[at : at + 1] == b","]
        scanned = sum(len(found[0]) for found in scans if found)
        assert scanned <= 3 * len(value)
