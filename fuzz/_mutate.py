"""Inputs that are like the seeds, and the same each time: what atheris does, without its eyes."""

import random
from collections.abc import Iterator, Sequence

_ODD = [
    b"\0",
    b"\r\n",
    b"\n",
    b" ",
    b",",
    b";",
    b'"',
    b"%",
    b"..",
    b"//",
    b"\\",
    b"\xff",
    b"\xed\xa0\x80",
    b"9" * 30,
    b"*",
]
_LONGEST = 4096


def mutants(seeds: Sequence[bytes], count: int) -> Iterator[bytes]:
    chance = random.Random(0)
    pool = [b"", *seeds]
    for _ in range(count):
        data = chance.choice(pool)
        for _ in range(chance.randint(1, 4)):
            data = _mutate(data, chance.choice(pool), chance)[:_LONGEST]
        pool.append(data)
        yield data


def _mutate(data: bytes, other: bytes, chance: random.Random) -> bytes:
    """Puts something in place of a part: nothing, that part twice, a part of another, something odd, any octet."""
    start, stop = sorted(chance.choices(range(len(data) + 1), k=2))
    stop = chance.choice([start, min(start + 1, stop), stop])
    left, right = sorted(chance.choices(range(len(other) + 1), k=2))
    part = chance.choice([b"", 2 * data[start:stop], other[left:right], chance.choice(_ODD), chance.randbytes(1)])
    return data[:start] + part + data[stop:]
