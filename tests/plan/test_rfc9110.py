"""RFC 9110, rule by rule: what a server of representations has to keep of sections 8.4, 8.6, 8.8, 12.5, 13 and 14.

`docs/http-support.md` is this table; `python tests/plan/test_rfc9110.py` writes it anew.
"""

import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from rejoinder._http.etags import ETag
from rejoinder._plan import Extent, Policy, Representation, plan

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "http-support.md"

CONTENT = b"0123456789"
THEN = 784111777
DATE, EARLIER, LATER = (b"Sun, 06 Nov 1994 08:49:%d GMT" % second for second in (37, 36, 38))
FACTS = Representation(size=10, content_type=b"text/plain", etag=ETag(b"a"), last_modified=THEN, as_of=THEN + 1000)
USER = [
    (b"set-cookie", b"a=1"),
    (b"cache-control", b"max-age=60"),
    (b"content-location", b"/a"),
    (b"content-language", b"en"),
    (b"expires", LATER),
    (b"vary", b"accept-encoding"),
]


@dataclass(frozen=True)
class Row:
    """A rule, what is done about it, and either a request that shows it or the test that does."""

    section: str
    rule: str
    request: dict[str, bytes] = field(default_factory=dict)
    status: int = 200
    has: dict[str, bytes] = field(default_factory=dict)
    lacks: tuple[str, ...] = ()
    body: bytes | None = None
    method: str = "GET"
    facts: dict[str, Any] = field(default_factory=dict)
    user: tuple[tuple[bytes, bytes], ...] = tuple(USER)
    options: dict[str, Any] = field(default_factory=dict)
    verdict: str = "kept"
    test: str = ""
    rfc: int = 9110


def asked(ranges: bytes, **fields: bytes) -> dict[str, bytes]:
    """A request for these ranges."""
    return {"range": b"bytes=" + ranges, **fields}


WEAK = {"etag": ETag(b"a", weak=True)}
MULTIPART = b"multipart/byteranges; boundary=X"
FILES = "tests/http/"

ROWS = {
    # 8.6 ------------------------------------------------------------------------------------------------------------
    "length": Row("8.6", "Content-Length is the number of octets that are sent", has={"content-length": b"10"}, body=CONTENT),
    "length of a part": Row(
        "8.6", "Content-Length of a part is that of the part", asked(b"2-4"), 206, {"content-length": b"3"}, body=b"234"
    ),
    "length claimed": Row(
        "8.6",
        "a Content-Length that is not that of the content is never sent, whoever set it",
        has={"content-length": b"10"},
        user=((b"content-length", b"99"),),
    ),
    "length of HEAD": Row(
        "8.6", "Content-Length in an answer to HEAD is that of GET", method="HEAD", has={"content-length": b"10"}, body=b""
    ),
    "length in 204": Row("8.6", "no Content-Length in a 204", status=204, options={"status": 204}, lacks=("content-length",), body=b""),
    "length in 304": Row("8.6", "no Content-Length in a 304 that is not that of the 200", {"if-none-match": b"*"}, 304, lacks=("content-length",)),
    "length unknown": Row("8.6", "no Content-Length where the length is not known", facts={"size": None}, lacks=("content-length",)),
    # 8.8 ------------------------------------------------------------------------------------------------------------
    "strong tag changes": Row(
        "8.8.1",
        "a strong validator changes whenever the content does: a file's tag follows its time in nanoseconds, its size and its inode",
        test=f"{FILES}test_etags.py::test_file_etag_follows_each_fact",
    ),
    "date sent": Row("8.8.2", "Last-Modified is sent where it is known", has={"last-modified": DATE}),
    "no future date": Row(
        "8.8.2.1",
        "Last-Modified of what is sent is never later than the moment of the answer; one that the user gives is the user's",
        facts={"last_modified": THEN + 10**6, "as_of": THEN},
        has={"last-modified": DATE},
    ),
    "weak date": Row(
        "8.8.2.2",
        "a date is weak while its second lasts, since more can change in it",
        asked(b"2-4", **{"if-range": DATE}),
        facts={"as_of": THEN},
    ),
    "tag sent": Row("8.8.3", "ETag is sent where it is known", has={"etag": b'"a"'}),
    "tag quoted": Row(
        "8.8.3",
        "an entity tag is quoted, and has no spaces, quotes and control characters",
        test=f"{FILES}test_etags.py::test_check_refuses",
        verdict="kept; others raise ValueError",
    ),
    "comparison": Row(
        "8.8.3.2", "strong and weak comparison, by the RFC's table", test=f"{FILES}test_etags.py::test_comparison"
    ),
    "date formats": Row(
        "5.6.7",
        "all three formats of dates are read; a year of two digits is never more than 50 years ahead",
        test=f"{FILES}test_dates_parse.py::test_parse",
    ),
    # 13.1.1 ---------------------------------------------------------------------------------------------------------
    "If-Match true": Row("13.1.1", "If-Match is true if the tag is listed", {"if-match": b'"b", "a"'}),
    "If-Match false": Row("13.1.1", "If-Match is false if no listed tag is the current one: 412", {"if-match": b'"b"'}, 412, body=b""),
    "If-Match *": Row("13.1.1", "If-Match `*` is true: there is a representation", {"if-match": b"*"}),
    "If-Match strong": Row("13.1.1", "If-Match compares strongly", {"if-match": b'W/"a"'}, 412, facts=WEAK),
    "If-Match without tag": Row("13.1.1", "If-Match is false if the representation has no tag", {"if-match": b'"a"'}, 412, facts={"etag": None}),
    "If-Match on writing": Row("13.1.1", "If-Match counts with every method that reads or writes", {"if-match": b'"b"'}, 412, method="PUT", lacks=("etag",)),
    # 13.1.2 ---------------------------------------------------------------------------------------------------------
    "If-None-Match false": Row(
        "13.1.2", "If-None-Match is false if the tag is listed: 304 to GET", {"if-none-match": b'"b", "a"'}, 304, body=b""
    ),
    "If-None-Match HEAD": Row("13.1.2", "If-None-Match: 304 to HEAD", {"if-none-match": b'"a"'}, 304, method="HEAD"),
    "If-None-Match on writing": Row("13.1.2", "If-None-Match: 412 to other methods", {"if-none-match": b"*"}, 412, method="PUT"),
    "If-None-Match true": Row("13.1.2", "If-None-Match is true if the tag is not listed", {"if-none-match": b'"b"'}),
    "If-None-Match *": Row("13.1.2", "If-None-Match `*` is false: there is a representation", {"if-none-match": b"*"}, 304),
    "If-None-Match weak": Row("13.1.2", "If-None-Match compares weakly", {"if-none-match": b'W/"a"'}, 304),
    "If-None-Match lines": Row(
        "5.3", "several lines of one field are one list", {"if-none-match": b'"b"', "If-None-Match": b'"a"'}, 304
    ),
    # 13.1.3 ---------------------------------------------------------------------------------------------------------
    "If-Modified-Since equal": Row("13.1.3", "If-Modified-Since is false if nothing is newer: 304", {"if-modified-since": DATE}, 304),
    "If-Modified-Since later": Row("13.1.3", "If-Modified-Since is also false for a date after the last change", {"if-modified-since": LATER}, 304),
    "If-Modified-Since true": Row("13.1.3", "If-Modified-Since is true if there is a change", {"if-modified-since": EARLIER}),
    "If-Modified-Since with tags": Row(
        "13.1.3",
        "If-Modified-Since MUST be ignored beside If-None-Match",
        {"if-none-match": b'"b"', "if-modified-since": LATER},
    ),
    "If-Modified-Since invalid": Row("13.1.3", "If-Modified-Since MUST be ignored if it is no date", {"if-modified-since": b"yesterday"}),
    "If-Modified-Since twice": Row(
        "13.1.3", "If-Modified-Since MUST be ignored if there are several dates", {"if-modified-since": DATE, "If-Modified-Since": DATE}
    ),
    "If-Modified-Since on writing": Row(
        "13.1.3", "If-Modified-Since MUST be ignored with other methods than GET and HEAD", {"if-modified-since": DATE}, method="POST"
    ),
    "If-Modified-Since without date": Row(
        "13.1.3", "If-Modified-Since MUST be ignored if no date is known", {"if-modified-since": DATE}, facts={"last_modified": None}
    ),
    # 13.1.4 ---------------------------------------------------------------------------------------------------------
    "If-Unmodified-Since false": Row("13.1.4", "If-Unmodified-Since is false if there is a change: 412", {"if-unmodified-since": EARLIER}, 412),
    "If-Unmodified-Since true": Row("13.1.4", "If-Unmodified-Since is true if there is none", {"if-unmodified-since": DATE}),
    "If-Unmodified-Since with tags": Row(
        "13.1.4", "If-Unmodified-Since MUST be ignored beside If-Match", {"if-match": b'"a"', "if-unmodified-since": EARLIER}
    ),
    "If-Unmodified-Since invalid": Row("13.1.4", "If-Unmodified-Since MUST be ignored if it is no date", {"if-unmodified-since": b"yesterday"}),
    "If-Unmodified-Since without date": Row(
        "13.1.4", "If-Unmodified-Since MUST be ignored if no date is known", {"if-unmodified-since": EARLIER}, facts={"last_modified": None}
    ),
    # 13.1.5 ---------------------------------------------------------------------------------------------------------
    "If-Range true": Row("13.1.5", "If-Range is true for the same strong tag", asked(b"2-4", **{"if-range": b'"a"'}), 206),
    "If-Range false": Row("13.1.5", "Range MUST be ignored if If-Range is false", asked(b"2-4", **{"if-range": b'"b"'}), body=CONTENT),
    "If-Range weak": Row("13.1.5", "If-Range compares strongly", asked(b"2-4", **{"if-range": b'W/"a"'}), facts=WEAK),
    "If-Range date": Row("13.1.5", "If-Range is true for exactly the date", asked(b"2-4", **{"if-range": DATE}), 206),
    "If-Range later": Row("13.1.5", "If-Range is false for any other date, even a later one", asked(b"2-4", **{"if-range": LATER})),
    "If-Range alone": Row("13.1.5", "If-Range MUST be ignored without Range", {"if-range": b'"b"'}),
    "If-Range without ranges": Row(
        "13.1.5",
        "If-Range MUST be ignored where there are no ranges",
        asked(b"2-4", **{"if-range": b'"a"'}),
        options={"policy": Policy(ranges=False)},
    ),
    "If-Range unsatisfiable": Row("13.1.5", "an unsatisfiable Range is refused if If-Range is true", asked(b"10-", **{"if-range": b'"a"'}), 416),
    # 13.2 -----------------------------------------------------------------------------------------------------------
    "other status": Row(
        "13.2.1",
        "preconditions MUST be ignored if the status would be neither 2xx nor 412",
        {"if-none-match": b"*"},
        404,
        options={"status": 404},
    ),
    "methods without representation": Row(
        "13.2.1", "preconditions MUST be ignored with methods such as OPTIONS", {"if-match": b'"b"'}, method="OPTIONS"
    ),
    "not after the action": Row(
        "13.2.1",
        "preconditions are evaluated before the action; when a handler has acted, they are not",
        {"if-match": b'"b"'},
        method="PUT",
        options={"policy": Policy(action_done=True)},
    ),
    "order 1, 3": Row("13.2.2", "If-Match goes before If-None-Match", {"if-match": b'"b"', "if-none-match": b'"a"'}, 412),
    "order 2, 3": Row(
        "13.2.2",
        "If-Unmodified-Since goes before If-None-Match",
        {"if-unmodified-since": EARLIER, "if-none-match": b'"a"'},
        412,
    ),
    "order 1, 4": Row(
        "13.2.2",
        "If-Modified-Since counts after a true If-Match",
        {"if-match": b'"a"', "if-modified-since": DATE},
        304,
    ),
    "order 3, 5": Row("13.2.2", "If-None-Match goes before Range", asked(b"2-4", **{"if-none-match": b'"a"'}), 304),
    "order 1, 5": Row("13.2.2", "If-Match goes before an unsatisfiable Range", asked(b"10-", **{"if-match": b'"b"'}), 412),
    "order 5": Row(
        "13.2.2", "Range counts after true preconditions", asked(b"2-4", **{"if-match": b'"a"', "if-none-match": b'"b"'}), 206
    ),
    # 14.1 -----------------------------------------------------------------------------------------------------------
    "unit case": Row("14.1", "range units are case-insensitive", {"range": b"BYTES=2-4"}, 206, body=b"234"),
    "inverted": Row("14.1.1", "a range whose end is before its start makes the set invalid", asked(b"0-1,4-2")),
    "one is satisfiable": Row("14.1.1", "a set is satisfiable if one of its ranges is", asked(b"2-4,50-60"), 206, body=b"234"),
    "other-range": Row("14.1.1", "a range of a form that bytes do not have is no range of bytes", asked(b"x-y,2-4"), 206, body=b"234"),
    "inclusive": Row("14.1.2", "both ends are included", asked(b"0-0"), 206, {"content-range": b"bytes 0-0/10"}, body=b"0"),
    "open": Row("14.1.2", "a range without an end is all from its start", asked(b"7-"), 206, body=b"789"),
    "clamped": Row("14.1.2", "a range that ends past the end ends there", asked(b"7-99"), 206, {"content-range": b"bytes 7-9/10"}, body=b"789"),
    "suffix": Row("14.1.2", "a suffix is so many octets at the end", asked(b"-3"), 206, body=b"789"),
    "long suffix": Row("14.1.2", "a suffix that is too long is everything", asked(b"-99"), 206, body=CONTENT),
    "suffix 0": Row("14.1.2", "a suffix of nothing is not satisfiable", asked(b"-0"), 416),
    "start past end": Row("14.1.2", "a start at or past the end is not satisfiable", asked(b"10-"), 416),
    "large numerals": Row("14.1.2", "large numerals neither fail nor cost", asked(b"9" * 65536 + b"-"), 416),
    "digits": Row("14.1.2", "positions are ASCII digits and nothing else that `int()` reads", asked(b"1_0-2_0")),
    # 14.2 -----------------------------------------------------------------------------------------------------------
    "GET only": Row("14.2", "Range MUST be ignored with other methods than GET, HEAD too", asked(b"2-4"), method="HEAD", has={"content-length": b"10"}, lacks=("content-range",)),
    "POST": Row("14.2", "Range MUST be ignored with methods that are not known", asked(b"2-4"), method="BREW", body=CONTENT),
    "unknown unit": Row("14.2", "Range MUST be ignored with an unknown unit", {"range": b"items=2-4"}, body=CONTENT),
    "malformed": Row("14.2", "Range MAY be ignored or refused if it is invalid: ignored", {"range": b"bytes: 2-4"}, body=CONTENT),
    "invalid refused": Row(
        "14.2",
        "Range MAY be refused if it is invalid: a policy, for a set of byte ranges that is empty or inverted",
        asked(b"4-2"),
        400,
        options={"policy": Policy(reject_invalid_ranges=True)},
        verdict="refused where the policy says so",
    ),
    "many": Row("14.2", "Range MAY be ignored if there are many: more than `max_ranges`", asked(b"0-0,2-2,4-4"), options={"policy": Policy(max_ranges=2)}),
    "heavy": Row("14.2", "Range MAY be ignored if it costs much: more than twice the whole", asked(b"0-,0-,0-"), body=CONTENT),
    "status 200 only": Row("14.2", "Range only counts if the status would be 200", asked(b"2-4"), 201, options={"status": 201}),
    "satisfiable": Row("14.2", "206 if Range is satisfiable", asked(b"2-4"), 206, body=b"234"),
    "unsatisfiable": Row("14.2", "416 if Range is not satisfiable", asked(b"10-"), 416, body=b""),
    "empty representation": Row("14.2", "416 if the representation is empty, and it is not asked for a suffix", asked(b"0-"), 416, facts={"size": 0}),
    "suffix of an empty representation": Row(
        "14.1.2",
        "a suffix of an empty representation is satisfiable: by all of it, in a 200, since no Content-Range tells of no octets",
        asked(b"-5"),
        200,
        facts={"size": 0},
    ),
    # 14.3 to 14.6 ---------------------------------------------------------------------------------------------------
    "offer": Row("14.3", "Accept-Ranges tells that there are ranges", has={"accept-ranges": b"bytes"}),
    "no offer": Row("14.3", "Accept-Ranges is not sent where there are none", facts={"size": None}, lacks=("accept-ranges",)),
    "none": Row("14.3", "Range is ignored where Accept-Ranges says `none`", asked(b"2-4"), user=((b"accept-ranges", b"none"),)),
    "content-range": Row("14.4", "Content-Range in a 206 tells the part and the length of the whole", asked(b"2-4"), 206, {"content-range": b"bytes 2-4/10"}),
    "content-range 416": Row("14.4", "Content-Range in a 416 tells the length", asked(b"10-"), 416, {"content-range": b"bytes */10"}),
    "content-range 200": Row("14.4", "Content-Range is in no other answer", {"range": b"items=2-4"}, lacks=("content-range",)),
    "unknown length": Row("14.4", "parts of what has no known length (`bytes 2-4/*`)", asked(b"2-4"), facts={"size": None}, verdict="ignored: all is sent"),
    "partial PUT": Row(
        "14.5", "Content-Range in a PUT", {"content-range": b"bytes 2-4/10"}, method="PUT", verdict="ignored: it is up to the handler"
    ),
    "multipart": Row("14.6", "the framing of multipart/byteranges", test=f"{FILES}test_byteranges.py::test_framing"),
    "multipart reads back": Row(
        "14.6",
        "another parser finds the same parts",
        test=f"{FILES}test_byteranges.py::test_another_parser_reads_the_slices",
    ),
    # The answers ----------------------------------------------------------------------------------------------------
    "HEAD": Row("9.3.2", "no content in an answer to HEAD, and the fields of GET", method="HEAD", has={"etag": b'"a"', "content-type": b"text/plain"}, body=b""),
    "206 fields": Row(
        "15.3.7",
        "a 206 has Cache-Control, Content-Location, ETag, Expires and Vary of the 200",
        asked(b"2-4"),
        206,
        {"cache-control": b"max-age=60", "content-location": b"/a", "etag": b'"a"', "expires": LATER, "vary": b"accept-encoding"},
    ),
    "206 after If-Range": Row(
        "15.3.7",
        "after If-Range it SHOULD NOT have other representation metadata",
        asked(b"2-4", **{"if-range": b'"a"'}),
        206,
        {"content-type": b"text/plain", "last-modified": DATE},
        verdict="ignored: no server does, and there are clients that want the type",
    ),
    "one part": Row("15.3.7.1", "one range is not sent as multipart", asked(b"2-4,3-5"), 206, {"content-type": b"text/plain", "content-range": b"bytes 2-5/10"}),
    "several parts": Row("15.3.7.2", "several ranges are sent as multipart/byteranges", asked(b"8-9,0-1"), 206, {"content-type": MULTIPART}),
    "no content-range of all": Row("15.3.7.2", "Content-Range of several ranges is in the parts only", asked(b"8-9,0-1"), 206, lacks=("content-range",)),
    "coalesced": Row("15.3.7.2", "overlapping and adjoining ranges MAY be coalesced", asked(b"0-2,3-5,1-4"), 206, body=b"012345"),
    "order of parts": Row("15.3.7.2", "parts SHOULD come in the order of the request", test=f"{FILES}test_ranges.py::test_parse"),
    "304 fields": Row(
        "15.4.5",
        "a 304 has Cache-Control, Content-Location, ETag, Expires and Vary of the 200",
        {"if-none-match": b'"a"'},
        304,
        {"cache-control": b"max-age=60", "content-location": b"/a", "etag": b'"a"', "expires": LATER, "vary": b"accept-encoding"},
    ),
    "304 metadata": Row(
        "15.4.5",
        "a 304 SHOULD NOT have other representation metadata",
        {"if-none-match": b'"a"'},
        304,
        lacks=("content-type", "content-language", "last-modified"),
    ),
    "304 date": Row(
        "15.4.5", "a 304 has Last-Modified if there is no tag", {"if-modified-since": DATE}, 304, {"last-modified": DATE}, facts={"etag": None}
    ),
    "412 fields": Row(
        "15.5.13",
        "a 412 says nothing of the representation, and cannot be kept in its place",
        {"if-match": b'"b"'},
        412,
        {"set-cookie": b"a=1", "content-length": b"0"},
        ("content-type", "content-language", "etag", "last-modified", "cache-control", "expires"),
    ),
    "416 fields": Row(
        "15.5.17",
        "a 416 says nothing of the representation but its length, and cannot be kept in its place",
        asked(b"10-"),
        416,
        {"set-cookie": b"a=1", "content-length": b"0", "content-range": b"bytes */10"},
        ("content-type", "content-language", "etag", "last-modified", "cache-control", "expires"),
    ),
    # Variants on the disk: 8.4, 12 ------------------------------------------------------------------------------------
    "weights of codings": Row("12.4.2", "a weight is 0 to 1 with three digits, 0 is not acceptable; an element with another is none", test=f"{FILES}test_negotiation.py::test_parse"),
    "codings": Row("12.5.3", "the coding with the highest weight is chosen; `*` is any that is not listed", test=f"{FILES}test_negotiation.py::test_rank"),
    "no coding": Row("12.5.3", "without Accept-Encoding any coding is acceptable, with an empty one none is", verdict="no coding to either: who does not ask may not be able to decode", test=f"{FILES}test_negotiation.py::test_rank"),
    "no acceptable coding": Row("12.5.3", "where nothing is acceptable, not even identity, the server MAY send identity", verdict="sent", test="tests/static/test_precompressed.py::test_which"),
    "old coding names": Row("8.4.1.3", "`x-gzip` is `gzip`", test=f"{FILES}test_negotiation.py::test_rank"),
    "tags of codings": Row("8.8.3.3", "representations in different codings have different strong tags", test="tests/static/test_precompressed.py::test_each_has_a_tag_and_a_time_of_its_own"),
    "Vary": Row("12.5.5", "Vary is sent whenever there was a choice, also with 206, 304, 412 and 416", test="tests/static/test_precompressed.py::test_conditions_and_ranges_are_about_the_variant"),
    "Vary of the user": Row("12.5.5", "Vary `*` and what the user named stay", test=f"{FILES}test_negotiation.py::test_add_vary"),
    # Content codings: 8.4, 12.5, and what they do to the rest -------------------------------------------------------------
    "coding told": Row("8.4", "Content-Encoding is sent with what was coded, and names what was applied", test=f"{FILES}test_coding.py::test_what_a_coded_answer_says"),
    "coded once": Row("8.4", "what has a Content-Encoding, or a type that is compressed in itself, gets no other", test=f"{FILES}test_coding.py::test_left_alone"),
    "codings decode": Row("8.4.1.3", "gzip is the format of RFC 1952; zstd and br are those of RFC 8878 and RFC 7932: other programs read them", test="tests/wire/test_compression.py::test_curl_reads_each_coding"),
    "codings never sent": Row("8.4.1.2", "`deflate`, which some read without its zlib wrapper, and `compress`", verdict="never sent", test=f"{FILES}test_coding.py::test_accept_encoding"),
    "length of a coding": Row("8.6", "Content-Length of what is coded in one piece is that of the coded octets; a stream has none", test="tests/responses/test_compress.py::test_a_whole_content_tells_its_length"),
    "tag of a coding": Row("8.8.3.3", "what is coded on the way has a tag of its own, which is weak: the next encoder makes other octets", test=f"{FILES}test_coding.py::test_what_a_coded_answer_says"),
    "HEAD of a coding": Row("9.3.2", "HEAD has the fields of the coded GET, but for the length, which only coding tells", test="tests/responses/test_compress.py::test_each_class"),
    "Vary of a coding": Row("12.5.5", "Vary is sent with what is coded for some, also where the choice fell on the plain one", test=f"{FILES}test_coding.py::test_accept_encoding"),
    "Vary in place of a coding": Row("12.5.5", "Vary is sent with a 304, 400, 412 or 416 in place of what is coded for some, and with no other", test="tests/responses/test_compress.py::test_what_is_sent_in_place_of_a_file_tells_of_the_choice"),
    "If-None-Match of a coding": Row("13.1.2", "the tag of a coding gets the 304 with that tag, from a client that still accepts it", test=f"{FILES}test_coding.py::test_the_tag_of_a_304"),
    "If-Match of a coding": Row("13.1.1", "the tag of a coding guards a change as the plain one does, though it is weak", verdict="kept for methods that change: the plain tag is put beside it", test="tests/responses/test_compress.py::test_a_change_is_made_of_what_was_seen_in_any_coding"),
    "Range of a coding": Row("14.2", "ranges are of the plain octets: a client that accepts a coding gets the whole, unless If-Range has the plain tag", test="tests/responses/test_compress.py::test_a_range_without_a_guard_is_of_what_the_client_would_get"),
    "If-Range of a coding": Row("13.1.5", "a date in If-Range, which plain and coded octets have in common, is false", test="tests/responses/test_compress.py::test_a_date_is_no_guard_of_a_range"),
    "Accept-Ranges of a coding": Row("14.3", "Accept-Ranges is not sent with what is coded", test=f"{FILES}test_coding.py::test_what_a_coded_answer_says"),
    "206 of a coding": Row("15.3.7", "a 206 is not coded, and has the Vary of the 200", test=f"{FILES}test_coding.py::test_only_the_choice_is_told"),
    "no-transform": Row("5.2.2.6", "an answer with Cache-Control `no-transform` is not coded", test=f"{FILES}test_coding.py::test_left_alone", rfc=9111),
    "window of zstd": Row("3", "zstd MUST NOT have a window of more than 8 MiB: 1 MiB at most, at every level", test="tests/encode/test_codings.py::test_each_decoder_has_the_window_of_zstd", rfc=9659),
    "digests of a coding": Row("2", "Content-Digest and Repr-Digest are of the coded octets", verdict="dropped: the application made them of the plain ones", test=f"{FILES}test_coding.py::test_what_a_coded_answer_says", rfc=9530),
    "coding of a request": Row("8.4", "Content-Encoding of a request's content", verdict="ignored: it is up to the handler", test=f"{FILES}test_coding.py::test_the_request_behind"),
    # Static files: 15.5 ----------------------------------------------------------------------------------------------------
    "challenge": Row("15.5.2", "a 401 MUST have a challenge: files that may not be read are a 403", test="tests/static/test_paths.py::test_what_another_user_may_not_read"),
    "Allow": Row("15.5.6", "a 405 MUST have Allow", test="tests/static/test_static.py::test_other_methods"),
}  # fmt: skip

SHOWN = {name: row for name, row in ROWS.items() if not row.test}
ELSEWHERE = {name: row for name, row in ROWS.items() if row.test}


@pytest.mark.parametrize("row", SHOWN.values(), ids=SHOWN)
def test_rule(row: Row) -> None:
    """The request of the row gets the answer that the rule wants."""
    request = [(name.lower().encode(), value) for name, value in row.request.items()]
    answer = plan(row.method, request, FACTS._replace(**row.facts), row.user, **{"boundary": b"X"} | row.options)
    headers = {name.decode(): value for name, value in answer.headers}
    assert answer.status == row.status
    assert {name: headers.get(name) for name in row.has} == row.has
    assert not set(row.lacks) & set(headers)
    if row.body is not None:
        assert b"".join(octets(part) for part in answer.body) == row.body


def octets(part: object) -> bytes:
    """What a part of a plan stands for."""
    match part:
        case bytes():
            return part
        case Extent():
            return CONTENT
    start, stop = part.start, part.stop  # type: ignore[attr-defined]
    return CONTENT[start:stop]


@pytest.mark.parametrize("row", ELSEWHERE.values(), ids=ELSEWHERE)
def test_rule_is_tested_where_the_table_says(row: Row) -> None:
    """The test exists."""
    path, _, function = row.test.partition("::")
    assert re.search(rf"^def {function}\(", (ROOT / path).read_text(encoding="utf-8"), re.MULTILINE)


HEAD = """\
# HTTP support

What this library does about each rule of [RFC 9110](https://www.rfc-editor.org/rfc/rfc9110) that a server of
representations has to keep: sections 8.4, 8.6, 8.8, 12.5, 13 and 14, and what they refer to. This page is written from the table
that is tested; where no test is named, it is the row's own, `tests/plan/test_rfc9110.py::test_rule[...]`. What is kept of
[other sections and standards](#other-sections-and-standards) is not listed rule by rule; their tests are.

| Section | Rule | Here | Test |
|---|---|---|---|
"""

TAIL = """
## Other sections and standards

| Standard | What of it | Tests |
|---|---|---|
| RFC 9110, 5.5, 5.6 | names and values of fields | [fields](../tests/http/test_fields.py) |
| RFC 9110, 6.4.1, 8.6; RFC 9112, 6 | which responses have content, and how its end is told | [framing](../tests/http/test_framing.py), [bytes](../tests/responses/test_bytes_lane.py) |
| RFC 9110, 6.5 | trailers | [trailers](../tests/http/test_trailers.py), [sending](../tests/responses/test_interim.py) |
| RFC 9110, 7.6 | what an intermediary passes on, Via | [forwarding](../tests/http/test_forwarding.py), [proxy](../tests/proxy/test_proxy.py) |
| RFC 9110, 10.2.2, 15.4; RFC 3986 | Location and redirects | [location](../tests/http/test_location.py) |
| RFC 9111, 5.2, 5.3; RFC 5861; RFC 8246 | Cache-Control, Expires | [cache](../tests/http/test_cache.py), [options](../tests/responses/test_options.py) |
| RFC 6265 and its successor "6265bis" | Set-Cookie | [cookies](../tests/http/test_cookies.py), [browsers](../tests/wire/test_browser_cookies.py) |
| RFC 6266, RFC 8187 | Content-Disposition | [disposition](../tests/http/test_disposition.py) |
| RFC 9530 | Content-Digest, Repr-Digest | [digests](../tests/http/test_digests.py), [sending](../tests/responses/test_digest.py) |
| RFC 8297, RFC 8288 | early hints, as links | [hints](../tests/responses/test_interim.py) |
| RFC 9457 | problem details | [problems](../tests/http/test_problems.py), [responses](../tests/responses/test_problem.py) |
| RFC 8259 | JSON | [JSON](../tests/encode/test_json.py), [NaN](../tests/encode/test_nan.py) |
| RFC 4180 | CSV | [CSV](../tests/encode/test_csv.py) |
| HTML, 9.2 | server-sent events | [events](../tests/encode/test_sse.py), [browsers](../tests/wire/test_browser_events.py) |
| W3C Server Timing | Server-Timing | [timing](../tests/http/test_timing.py) |
| ASGI 3, up to 2.4 of HTTP | messages, extensions, clients that leave | [the protocol](../tests/testing/test_protocol.py), [servers](../tests/wire/test_servers.py) |
"""


def _section(row: Row) -> str:
    return row.section if row.rfc == Row.rfc else f"RFC {row.rfc}, {row.section}"


def render() -> str:
    """The page."""
    lines = [
        f"| [{_section(row)}](https://www.rfc-editor.org/rfc/rfc{row.rfc}#section-{row.section}) "
        f"| {row.rule} | {row.verdict} | `{row.test or name}` |\n"
        for name, row in ROWS.items()
    ]
    return HEAD + "".join(lines) + TAIL


def test_page() -> None:
    """The documentation has the same tables."""
    assert PAGE.read_text(encoding="utf-8") == render()


if __name__ == "__main__":
    PAGE.write_text(render(), encoding="utf-8")
