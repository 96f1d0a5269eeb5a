"""What is asked of every file server, and how its answer is known to be right."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from bench.cases import Case
from bench.corpus import KIB, MIB, SIZES

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from bench.asgi import Answer
    from bench.corpus import Corpus

RANGE = "range"
NOT_MODIFIED = "not-modified"
HEAD = "head"
_START, _STOP = 50 * MIB, 50 * MIB + 64 * KIB


@dataclass(frozen=True)
class FileCase(Case):
    """A request for a file."""

    file: str = ""
    status: int = 200
    method: str = "GET"
    headers: Mapping[str, str] = field(default_factory=dict)
    revalidates: bool = False
    """Whether `If-None-Match` is sent, with the entity tag that the peer has given."""
    counted_by_octets: bool = False
    """Too few come whole in a slice to be counted: what has arrived is divided by the size of one."""


def file_cases(corpus: Corpus) -> tuple[FileCase, ...]:
    """The rows of the tables with a warm cache."""
    small, middle, large = SIZES[0].file, SIZES[1].file, SIZES[-1].file
    part = slice(_START, _STOP)
    return (
        *(
            FileCase(
                size.name,
                size.title,
                _content(corpus, size.file),
                quick=size.octets in {KIB, MIB},
                file=size.file,
                counted_by_octets=size.octets >= MIB,
            )
            for size in SIZES
        ),
        FileCase(
            RANGE,
            "64 KiB of 100 MiB",
            _content(corpus, large, part),
            quick=False,
            file=large,
            status=206,
            headers={"Range": f"bytes={_START}-{_STOP - 1}"},
        ),
        FileCase(NOT_MODIFIED, "304", _not_modified, file=small, status=304, revalidates=True),
        FileCase(HEAD, "HEAD, 64 KiB", _head(corpus, middle), quick=False, file=middle, method="HEAD"),
    )


def _content(corpus: Corpus, file: str, part: slice | None = None) -> Callable[[Answer], None]:
    def check(answer: Answer) -> None:
        whole = corpus.content(file)
        expected = whole[part] if part else whole
        assert answer.status == (206 if part else 200), "another status"
        assert int(answer.header("content-length")) == len(expected), "another content-length"
        assert answer.body == expected, f"other content ({len(answer.body)} octets)"
        if part:
            shown = f"bytes {part.start}-{part.stop - 1}/{len(whole)}"
            assert answer.header("content-range") == shown, answer.header("content-range")
        _check_validators(answer)

    return check


def _head(corpus: Corpus, file: str) -> Callable[[Answer], None]:
    def check(answer: Answer) -> None:
        assert answer.status == 200, "another status"
        assert answer.body == b"", "an answer to HEAD has no content"
        assert int(answer.header("content-length")) == len(corpus.content(file)), "another content-length"
        _check_validators(answer)

    return check


def _not_modified(answer: Answer) -> None:
    assert answer.status == 304, "another status"
    assert answer.body == b"", "a 304 has no content"
    assert answer.header("etag"), "no entity tag"


def _check_validators(answer: Answer) -> None:
    """Who leaves them out saves time that the others spend."""
    assert answer.header("etag").removeprefix("W/").startswith('"'), answer.header("etag")
    assert answer.header("last-modified").endswith(" GMT"), answer.header("last-modified")
