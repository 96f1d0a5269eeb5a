"""The benchmark of archives: that what it times is right, of each peer that is installed."""

from pathlib import Path

import pytest
from bench.cases import WrongAnswerError
from bench.lanes.archives import peers
from bench.lanes.archives.cases import DEFLATED, TITLES, check, make

from rejoinder.testing import fetch, run

pytestmark = pytest.mark.wire


@pytest.mark.parametrize("peer", peers.discover()[0], ids=lambda peer: peer.name)
def test_the_archives_are_those_of_the_folders(peer: peers.ArchivePeer, tmp_path: Path) -> None:
    make(tmp_path)
    for case in TITLES:
        check(case, run(fetch, peer.pack(tmp_path / case, case in DEFLATED)).body)


def test_another_archive_is_refused(tmp_path: Path) -> None:
    make(tmp_path)
    pack = peers.load("rejoinder").pack
    archive = run(lambda: fetch(pack(tmp_path / "small", True))).body
    with pytest.raises(WrongAnswerError):
        check("small", archive)
