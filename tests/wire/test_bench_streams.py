"""The benchmark of streams: that what it times is right, of each peer that is installed."""

from collections.abc import Iterator

import pytest
from bench.cases import WrongAnswerError
from bench.lanes.streams.cases import CHUNK, IDLE, PACED, PACED_CHUNKS, PACED_OCTETS, TICK, event_text
from bench.lanes.streams.client import served, whole
from bench.lanes.streams.peers import load
from bench.lanes.streams.server import StreamServer, serving

pytestmark = pytest.mark.wire


@pytest.fixture(scope="module")
def server() -> Iterator[StreamServer]:
    with serving(load("rejoinder")) as server:
        yield server


@pytest.mark.parametrize("case", ["async-10", "sync-10"])
def test_chunks_arrive_whole(server: StreamServer, case: str) -> None:
    content, octets = whole(server, case)
    assert content == CHUNK * 10
    assert octets > len(content)


def test_paced_chunks_are_of_one_size(server: StreamServer) -> None:
    content, _ = whole(server, PACED)
    assert len(content) == PACED_CHUNKS * PACED_OCTETS


def test_another_event_is_not_timed(server: StreamServer) -> None:
    with served(server, IDLE, 3, f"data: {event_text(TICK)}\n\n".encode()) as streams:
        assert len(streams) == 3
    with pytest.raises(WrongAnswerError, match="expected b'data: 1"), served(server, IDLE, 1, b"data: 1\n\n"):
        pass
