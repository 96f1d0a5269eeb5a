"""The conditional fields, and entity tags: a line each of If-Match, If-None-Match, the two dates, and If-Range."""

from rejoinder._http.conditions import (
    IF_MATCH,
    IF_MODIFIED_SINCE,
    IF_NONE_MATCH,
    IF_RANGE,
    IF_UNMODIFIED_SINCE,
    Outcome,
    Validators,
    evaluate,
    range_applies,
)
from rejoinder._http.etags import AnyETag, ETag, format_etag, parse_etag, parse_etags, strong_eq, weak_eq

SEEDS = [
    b'"a"',
    b'\n"b", W/"a"',
    b'"a,b", "c" ,, nonsense, W/"d"',
    b"*\n*",
    b"\n\nSun, 06 Nov 1994 08:49:37 GMT\nSunday, 06-Nov-94 08:49:37 GMT",
    b'\n\n\n\nW/"a"',
    b"\n\n\n\nSun Nov  6 08:49:37 1994",
    b"\n" + b',"' * 50,
]
NAMES = (IF_MATCH, IF_NONE_MATCH, IF_MODIFIED_SINCE, IF_UNMODIFIED_SINCE, IF_RANGE)
CURRENT = Validators(ETag(b"a"), 784111777, as_of=1_700_000_000)


def target(data: bytes) -> None:
    request = {name: line.strip(b" \t") for name, line in zip(NAMES, data.split(b"\n"), strict=False) if line}
    for value in request.values():
        check_tags(value)
    applies = range_applies(request, CURRENT)
    assert applies or IF_RANGE in request
    for method in ("GET", "PUT", "OPTIONS"):
        for current in (
            CURRENT,
            Validators(None, CURRENT.last_modified, CURRENT.as_of),
            Validators(CURRENT.etag, None, 0),
        ):
            outcome = evaluate(method, request, current)
            assert outcome is not Outcome.NOT_MODIFIED or method == "GET"
            assert outcome is Outcome.PROCEED or request.keys() - {IF_RANGE}


def check_tags(value: bytes) -> None:
    """What is found is in the value, and the same when it is read again."""
    found = parse_etags(value)
    if found is AnyETag.ANY:
        assert value == b"*"
        return
    tags = tuple(found)
    for tag in tags:
        assert format_etag(tag) in value
        assert parse_etag(format_etag(tag)) == tag
        assert strong_eq(tag, tag) is not tag.weak
        assert weak_eq(tag, tag)
    one = parse_etag(value)
    assert one is None or one in tags
