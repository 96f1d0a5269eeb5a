"""The benchmark of object stores: that each peer sends the object, and that what was fetched for it is counted."""

from pathlib import Path

import pytest
from bench.corpus import MIB, Size, corpus
from bench.lanes.files.cases import FileCase
from bench.lanes.objectstore import lane, peers

pytestmark = pytest.mark.wire


@pytest.mark.parametrize("name", peers.FIRST)
def test_what_is_fetched_for_an_object_is_counted(name: str, tmp_path: Path) -> None:
    nginx = pytest.importorskip("bench.lanes.files.peers.nginx", reason="nginx is the store", exc_type=ImportError)
    with corpus([Size("1m", "1 MiB", MIB, 1)]) as files:
        whole = FileCase("1m", "1 MiB", lambda _: None, file="1m-0.bin")
        part = FileCase("range", "10 octets", lambda _: None, file="1m-0.bin", headers={"Range": "bytes=5-14"})
        with (
            lane._store(nginx.PEER, files, tmp_path) as url,
            lane._serving(peers.load(name), url) as server,
        ):
            assert server.ask(whole.file).body == files.content(whole.file)
            fetched = [lane._fetched(server, case, tmp_path / "access.log") for case in (whole, part)]
    assert fetched == [MIB, 10]
