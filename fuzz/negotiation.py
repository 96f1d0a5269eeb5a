"""Accept-Encoding, Accept and Vary, as one value."""

from rejoinder._http.negotiation import (
    ACCEPT_ENCODING,
    add_vary,
    parse_accept_encoding,
    rank_codings,
    wants_page,
)

SEEDS = [
    b"gzip, deflate, br, zstd",
    b"gzip;q=0.8, *;q=0.1, br",
    b"identity;q=0, X-GZip ; Q=0.001",
    b"*;q=0,gzip;q=1.000,,",
    b"br;q=1.001, gzip;q=high, zstd;q=.5",
    b"text/html,application/xhtml+xml,*/*;q=0.8",
    b"a/b , Text/HTML ;q=0.0 , text/html;q=0.1",
    b"Origin, accept-encoding",
]
OFFERED = (b"zstd", b"br", b"gzip")


def target(data: bytes) -> None:
    weights = parse_accept_encoding(data)
    assert all(0 <= weight <= 1 for weight in weights.values())
    again = b", ".join(b"%s;q=%.3f" % (coding, weight) for coding, weight in weights.items())
    assert parse_accept_encoding(again) == weights
    ranked = rank_codings(data, OFFERED)
    assert len(set(ranked)) == len(ranked)
    told = [weights.get(coding, weights.get(b"*", 0)) for coding in ranked]
    assert told == sorted(told, reverse=True)
    assert set(ranked) <= set(OFFERED)
    assert all(weight > 0 for weight in told)
    assert b"text/html" in data.lower() or not wants_page([(b"accept", data)])
    check_vary([(b"vary", line) for line in data.split(b"\n")])


def check_vary(fields: list[tuple[bytes, bytes]]) -> None:
    told = add_vary(fields, ACCEPT_ENCODING)
    assert add_vary(told, ACCEPT_ENCODING) == told
    assert members(told) - {ACCEPT_ENCODING} == members(fields) - {ACCEPT_ENCODING}
    assert members(told) & {ACCEPT_ENCODING, b"*"}


def members(fields: list[tuple[bytes, bytes]]) -> set[bytes]:
    return {member.strip(b" \t").lower() for _, value in fields for member in value.split(b",")} - {b""}
