"""The Range field: a line with a size, then the field value."""

from itertools import pairwise

from rejoinder._http.ranges import NoSlices, format_content_range, parse_range

SEEDS = [
    b"10\nbytes=0-4",
    b"10\nbytes=-3, 0-4, 2-5",
    b"10\nBytes = 5-,,\t-0",
    b"0\nbytes=-5",
    b"1000\nbytes=999-99999999999999999999999",
    b"1000\nbytes=5-4",
    b"1000\nbytes=5-x,0-0",
    b"1000\nlines=1-2",
    b"7\nbytes=" + b"0-0," * 120,
]
MAX_RANGES = 10


def target(data: bytes) -> None:
    first, _, value = data.partition(b"\n")
    size = int(first) if first.isdigit() and len(first) < 19 else len(first)
    slices = parse_range(value, size, MAX_RANGES)
    if isinstance(slices, NoSlices):
        return
    assert 0 < len(slices) <= MAX_RANGES
    assert sum(map(len, slices)) <= 2 * size
    assert all(0 <= part.start < part.stop <= size for part in slices)
    ordered = sorted(slices, key=lambda part: part.start)
    assert all(before.stop < after.start for before, after in pairwise(ordered))
    for part in slices:
        again = format_content_range(part, size).partition(b"/")[0].replace(b" ", b"=")
        assert parse_range(again, size, 1) == (part,)
