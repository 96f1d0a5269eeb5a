"""Range and Content-Range: RFC 9110 section 14.

On the wire a range is `first-last` with both ends included. Inside it is half-open, and only `format_content_range`
turns it back.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum
from typing import TypeAlias

# 5.6.1.2: "A recipient MUST parse and ignore a reasonable number of empty list elements".
_EMPTY_ELEMENTS = 100

_OWS = b" \t"
_is_bytes_range = re.compile(rb"([0-9]*+)-([0-9]*+)").fullmatch
# other-range = 1*( %x21-2B / %x2D-7E ): any visible characters but the comma.
_is_other_range = re.compile(rb"[!-+\--~]++").fullmatch
# A position with more digits lies behind the end of every representation; how far behind is not worth an int(), which
# takes quadratic time.
_MAX_DIGITS = 19
_BEYOND = 10**_MAX_DIGITS


@dataclass(frozen=True, slots=True)
class Slice:
    """A part of a representation, half-open; `len` works as for the bytes that it stands for."""

    start: int
    stop: int

    def __len__(self) -> int:
        return self.stop - self.start


class NoSlices(Enum):
    """Why there is nothing to slice."""

    IGNORED = "the field says nothing that this server has to heed"
    EMPTY = "range must be requested"
    INVERTED = "start must be less than end"
    UNSATISFIABLE = "no range overlaps the representation"


Ranges: TypeAlias = NoSlices | tuple[Slice, ...]


def parse_range(value: bytes, size: int, max_ranges: int) -> Ranges:
    """The slices that a Range field asks for, of a representation of this size, in the order of the request.

    Slices that overlap or adjoin come as one, where the first of them was. EMPTY and INVERTED are the two ways in which
    a set of byte ranges can be invalid; they may be ignored as well (14.2).

    >>> parse_range(b"bytes=-3, 0-4, 2-5", size=20, max_ranges=10)
    (Slice(start=17, stop=20), Slice(start=0, stop=6))
    """
    unit, equals, range_set = value.partition(b"=")
    # 14.2: "An origin server MUST ignore a Range header field that contains a range unit it does not understand."
    # 14.1: "All range unit names are case-insensitive".
    if not equals or unit.strip(_OWS).lower() != b"bytes":
        return NoSlices.IGNORED
    if range_set.count(b",") >= max_ranges + _EMPTY_ELEMENTS:
        return NoSlices.IGNORED
    elements = [element for raw in range_set.split(b",") if (element := raw.strip(_OWS))]
    if len(elements) > max_ranges:
        return NoSlices.IGNORED
    slices = _resolve(elements, size)
    if isinstance(slices, NoSlices):
        return slices
    # 14.2 allows to ignore "many small ranges" and overlapping ones, "since these are indications of either a broken
    # client or a deliberate denial-of-service attack": here, whatever would send much more than the whole.
    if sum(map(len, slices)) > 2 * size:
        return NoSlices.IGNORED
    return tuple(_coalesce(slices) if len(slices) > 1 else slices)


def format_content_range(part: Slice | None, size: int) -> bytes:
    """The Content-Range of a part (14.4); without one, that of a 416.

    >>> format_content_range(Slice(0, 5), 20)
    b'bytes 0-4/20'
    """
    return b"bytes */%d" % size if part is None else b"bytes %d-%d/%d" % (part.start, part.stop - 1, size)


def _resolve(elements: Iterable[bytes], size: int) -> NoSlices | list[Slice]:
    """The satisfiable ranges of a set, which has to be valid."""
    slices: list[Slice] = []
    result = NoSlices.EMPTY
    for element in elements:
        found = _is_bytes_range(element)
        if not found or element == b"-":
            # By the grammar of 14.1.1 this is an other-range, which the unit "bytes" gives no meaning; the ranges
            # beside it are still valid. Characters that no range may have make the field malformed.
            if not _is_other_range(element):
                return NoSlices.IGNORED
            continue
        first, last = map(_position, found.groups())
        # 14.1.1: "An int-range is invalid if the last-pos value is present and less than first-pos."
        if first is not None and last is not None and last < first:
            return NoSlices.INVERTED
        result = NoSlices.UNSATISFIABLE if result is NoSlices.EMPTY else result
        if first is None:
            start, stop = max(size - (last or 0), 0), size
            # 14.1.2: a suffix-length other than 0 is satisfiable even if nothing is there, but no Content-Range can
            # tell of zero bytes. The whole of it can be sent.
            if last and not size:
                result = NoSlices.IGNORED
        else:
            start, stop = first, size if last is None else min(last + 1, size)
        if start < stop:
            slices.append(Slice(start, stop))
    return slices or result


def _position(digits: bytes) -> int | None:
    if not digits:
        return None
    digits = digits.lstrip(b"0")
    return int(digits or b"0") if len(digits) <= _MAX_DIGITS else _BEYOND


def _coalesce(slices: list[Slice]) -> Iterable[Slice]:
    """Overlapping and adjoining slices made one, the rest in order (15.3.7.2)."""
    merged: list[tuple[int, Slice]] = []  # with the place in the request
    for place, part in sorted(enumerate(slices), key=lambda item: item[1].start):
        if merged and part.start <= merged[-1][1].stop:
            earlier, last = merged[-1]
            merged[-1] = min(earlier, place), Slice(last.start, max(last.stop, part.stop))
        else:
            merged.append((place, part))
    return (part for _, part in sorted(merged, key=lambda item: item[0]))
