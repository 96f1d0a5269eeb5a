"""ZIP archives: names, times, lengths, and that other programs read them."""

import io
import struct
import subprocess
import zipfile
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rejoinder._encode.zip import ArchiveEncoder, Member, archive_length, check_name, safe_part

THEN = datetime(2024, 5, 17, 12, 30, 20, tzinfo=UTC)


def archive(*members: tuple[Member, bytes], deflate: bool = False) -> bytes:
    encoder = ArchiveEncoder(deflate=deflate)
    for member, content in members:
        encoder.begin(member)
        if not member.is_directory:
            encoder.write(content)
        encoder.end()
    encoder.finish()
    data = encoder.take()
    encoder.abandon()
    return data


@pytest.mark.parametrize(
    "name",
    ["a", "a/b.txt", "folder/", "a b", "Zürich/寿司.txt", "...", "..a", "a..", "12:30", "-", "~", "a" * 0xFFFF, "con"],
    ids=lambda name: name[:20],
)
def test_names_that_can_be(name: str) -> None:
    assert check_name(name) == name


@pytest.mark.parametrize(
    ("name", "fault"),
    [
        ("", "empty part"),
        ("/", "absolute"),
        ("/etc/passwd", "absolute"),
        ("//host/share", "absolute"),
        ("C:/a", "absolute"),
        ("c:a", "absolute"),
        ("\\a", "backslash"),
        ("a\\..\\b", "backslash"),
        ("..", "'..'"),
        ("../a", "'..'"),
        ("a/../b", "'..'"),
        ("a/..", "'..'"),
        ("a/../", "'..'"),
        (".", "'.'"),
        ("./a", "'.'"),
        ("a//b", "empty part"),
        ("a//", "empty part"),
        ("a\0b", "control character"),
        ("a\nb", "control character"),
        ("a\x7f", "control character"),
        ("a\udcff", "surrogate"),
        ("a" * 0x10000, "too long"),
        ("ü" * 0x8000, "too long"),
    ],
    ids=lambda value: repr(value[:12]),
)
def test_names_that_are_refused(name: str, fault: str) -> None:
    with pytest.raises(ValueError, match=fault):
        check_name(name)


def test_a_name_is_text() -> None:
    with pytest.raises(TypeError, match="must be a str, got bytes"):
        check_name(b"a")


@given(st.binary(min_size=1, max_size=40).filter(lambda name: b"/" not in name and name not in {b".", b".."}))
def test_the_name_of_any_file_can_be_made_safe(name: bytes) -> None:
    assert check_name("folder/" + safe_part(name))


NAMES = st.text(st.characters(exclude_categories=["Cs", "Cc"], exclude_characters="/\\:."), min_size=1, max_size=20)
SIZES = st.integers(min_value=0, max_value=3000)


@given(st.dictionaries(NAMES, SIZES, max_size=8), st.booleans())
def test_the_length_is_that_of_the_archive(sizes: dict[str, int], limited: bool) -> None:
    with pytest.MonkeyPatch.context() as patch:
        if limited:  # what needs the ZIP64 form can be made in a test
            patch.setattr(zipfile, "ZIP64_LIMIT", 1000)
            patch.setattr(zipfile, "ZIP_FILECOUNT_LIMIT", 4)
        members = [Member(name, size, THEN) for name, size in sizes.items()] + [Member("folder/", 0, THEN)]
        data = archive(*[(member, bytes(member.size or 0)) for member in members])
        assert archive_length(members) == len(data)
    with zipfile.ZipFile(io.BytesIO(data)) as opened:
        assert opened.testzip() is None
        assert {info.filename: info.file_size for info in opened.infolist()} == {**sizes, "folder/": 0}


def test_an_archive_of_terabytes_has_a_length() -> None:
    members = [Member(f"{number}.bin", 2**40, THEN) for number in range(100_000 // 100)]
    assert archive_length(members) > 1000 * 2**40


@pytest.mark.parametrize("name", ["ascii", "é", "寿司"])
def test_names_are_utf_8_and_say_so(name: str) -> None:
    data = archive((Member(name, 0, THEN), b""))
    (flags,) = struct.unpack_from("<H", data, 6)
    assert flags & 1 << 11
    assert data[30:].startswith(name.encode())


@pytest.mark.parametrize(
    ("modified", "on_the_clock"),
    [
        pytest.param(THEN, (2024, 5, 17, 12, 30, 20), id="UTC"),
        pytest.param(THEN.astimezone(timezone(timedelta(hours=2))), (2024, 5, 17, 14, 30, 20), id="on the clock there"),
        pytest.param(datetime(1970, 1, 1, tzinfo=UTC), (1980, 1, 1, 0, 0, 0), id="before the format"),
        pytest.param(datetime(2500, 1, 1, tzinfo=UTC), (2107, 12, 31, 23, 59, 58), id="after it"),
    ],
)
def test_times(modified: datetime, on_the_clock: tuple[int, ...]) -> None:
    with zipfile.ZipFile(io.BytesIO(archive((Member("a", 0, modified), b"")))) as opened:
        (info,) = opened.infolist()
    assert info.date_time == on_the_clock
    tag, size, flags, seconds = struct.unpack("<HHBl", info.extra)
    assert (tag, size, flags) == (0x5455, 5, 1)
    assert seconds == min(modified.timestamp(), 2**31 - 1)


def test_more_or_less_than_was_announced_is_an_error() -> None:
    encoder = ArchiveEncoder(deflate=False)
    encoder.begin(Member("a", 3, THEN))
    encoder.write(b"ab")
    with pytest.raises(ValueError, match="'a': its size is 3, and its content has 2 octets"):
        encoder.end()
    with pytest.raises(ValueError, match="its size is 3, and its content has 4 or more octets"):
        encoder.write(b"cd")
    encoder.abandon()


def test_content_of_no_known_size_may_be_of_any() -> None:
    data = archive((Member("a", None, THEN), b"x" * 1000), deflate=True)
    assert len(data) < 300
    with zipfile.ZipFile(io.BytesIO(data)) as opened:
        assert opened.read("a") == b"x" * 1000


def test_one_that_is_abandoned_says_nothing() -> None:
    for deflate in (False, True):
        encoder = ArchiveEncoder(deflate=deflate)
        encoder.begin(Member("a", 3, THEN))
        encoder.write(b"ab")
        encoder.abandon()
        assert encoder.take() == b""


@pytest.mark.parametrize("deflate", [False, True])
def test_unzip_reads_it(deflate: bool, tmp_path: Path) -> None:
    unzip = pytest.importorskip("shutil").which("unzip")
    if unzip is None:
        pytest.skip("needs unzip")
    data = archive(
        (Member("d/", 0, THEN), b""),
        (Member("d/é.txt", 5, THEN), b"hello"),
        (Member("d/unknown", None, THEN), b"abc" * 1000),
        deflate=deflate,
    )
    (tmp_path / "a.zip").write_bytes(data)
    ran = subprocess.run([unzip, "-q", "a.zip"], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert (ran.returncode, ran.stderr) == (0, "")
    assert (tmp_path / "d/é.txt").read_bytes() == b"hello"
    assert (tmp_path / "d/unknown").read_bytes() == b"abc" * 1000
    assert (tmp_path / "d/é.txt").stat().st_mtime == THEN.timestamp()
