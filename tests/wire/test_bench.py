"""The benchmark of file servers: that what it times is right, and that cold is cold."""

import os
import subprocess
import tempfile
from collections.abc import Iterator
from itertools import repeat
from pathlib import Path

import pytest
from bench import client, corpus
from bench.cases import WrongAnswerError
from bench.corpus import KIB, Corpus, Size
from bench.lanes.files import cold, peers
from bench.lanes.files.cases import FileCase, file_cases
from bench.lanes.files.server import FileServer, serving

pytestmark = pytest.mark.wire

SMALL = (Size("1k", "1 KiB", KIB, 20), Size("64k", "64 KiB", 64 * KIB, 1))


@pytest.fixture(scope="module")
def files() -> Iterator[Corpus]:
    with corpus.corpus(SMALL) as files:
        yield files


@pytest.fixture(scope="module")
def server(files: Corpus) -> Iterator[FileServer]:
    with serving(peers.load("rejoinder"), peers.UVICORN, files) as server:
        yield server


def case_of(files: Corpus, name: str) -> FileCase:
    (case,) = (case for case in file_cases(files) if case.name == name)
    return case


@pytest.mark.parametrize("name", ["1k", "64k", "not-modified", "head"])
def test_a_case_is_answered_and_checked(server: FileServer, files: Corpus, name: str) -> None:
    assert server.can(case_of(files, name))


def test_a_wrong_answer_is_not_timed(server: FileServer, files: Corpus) -> None:
    case = case_of(files, "1k")
    wrong = FileCase(case.name, case.title, case.check, file=SMALL[1].file)
    with pytest.raises(WrongAnswerError, match="another content-length"):
        server.can(wrong)


def test_who_is_said_to_lack_what_it_does_is_found_out(server: FileServer, files: Corpus) -> None:
    peer = peers.FilePeer("rejoinder", "", "", (), lacks={"1k": "sends nothing"})
    with pytest.raises(WrongAnswerError, match="does answer 1k"):
        FileServer(peer, server.port, server.pid).can(case_of(files, "1k"))


def test_the_client_counts_answers_without_content(server: FileServer) -> None:
    asked = client.request("HEAD", "/64k-0.bin")
    loaded = client.run(server.port, repeat(asked, 50), 200, content=False, connections=3)
    assert loaded.answers == 50
    assert loaded.octets < 50 * KIB


def test_the_client_refuses_another_status(server: FileServer) -> None:
    asked = client.request("GET", "/1k-0.bin")
    with pytest.raises(RuntimeError, match=r"expected HTTP/1\.1 206"):
        client.run(server.port, repeat(asked, 1), 206, content=True)


def test_dropped_is_gone_and_read_is_back(server: FileServer, files: Corpus) -> None:
    kind = subprocess.run(
        ["stat", "-f", "-c", "%T", files.directory], check=False, capture_output=True, text=True
    ).stdout.strip()
    if kind in {"", "tmpfs"} or not hasattr(os, "posix_fadvise"):
        pytest.skip(f"temporary files are in {kind or 'a file system that cannot be asked'}: set TMPDIR")
    assert files.why_never_cold == ""
    first = os.open(files.directory / SMALL[0].file, os.O_RDONLY)
    try:
        files.drop(SMALL[0].files)
        assert corpus.resident(first) == 0
        assert cold.load(server, SMALL[0], files) > 0
        assert corpus.resident(first) == 1
    finally:
        os.close(first)


def test_files_in_memory_are_never_cold(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(corpus, "_DROP_SECONDS", 0)
    memory = Path("/dev/shm")
    if not memory.is_dir():
        pytest.skip("no /dev/shm")
    with tempfile.TemporaryDirectory(dir=memory) as directory:
        Path(directory, "1k-0.bin").write_bytes(bytes(KIB))
        assert "stay in the page cache" in Corpus(Path(directory)).why_never_cold
