"""What is fetched of an object, octet by octet, and what comes of it where the store, the network or the client fails."""

import random
from collections.abc import Callable
from datetime import timedelta
from functools import partial
from typing import Any

import anyio
import anyio.to_thread
import pytest
from tests.objectstore.conftest import Stored, azure, s3
from tests.objectstore.injector import FINE, Fault

from rejoinder import FileChangedError, FileResponse, ObjectAccessError, ObjectStoreError, ObjectStoreFile
from rejoinder.testing import Answer, Exchange, fetch

KIB, MIB = 1024, 1024 * 1024
CONTENT = random.Random(1).randbytes(2 * MIB)
LARGE = random.Random(2).randbytes(MIB) * 48
IN_BUFFERS = 40 * MIB  # of two sockets: up to 36 MiB, by the kernel's settings
CHUNK = 256 * KIB

pytestmark = pytest.mark.wire


@pytest.fixture
def backend(remote: Stored) -> str:
    """That of the store."""
    return remote.backend


@pytest.fixture
def key(remote: Stored) -> str:
    """Of an object with `CONTENT`."""
    return remote.put(CONTENT)


def large_key(remote: Stored) -> str:
    """Of an object with `LARGE`, put once."""
    if remote.injector.upstream not in _large_keys:
        _large_keys[remote.injector.upstream] = remote.put(LARGE)
    return _large_keys[remote.injector.upstream]


_large_keys: dict[int, str] = {}


def ask(remote: Stored, key: str, method: str = "GET", *, backend: str = "asyncio", **headers: str) -> Answer:
    """The answer; the store is no longer asked for anything."""
    fields = {name.replace("_", "-"): value for name, value in headers.items()}

    async def main() -> Answer:
        return await fetch(FileResponse(ObjectStoreFile(remote.store, key), missing="404"), method, headers=fields)

    answer = anyio.run(main, backend=backend)
    remote.injector.wait_until(lambda: remote.injector.going_on == 0)
    return answer


class Cut(Exception):
    """A response ended in the middle, and the server was told so."""

    def __init__(self, content: bytes, reason: BaseException) -> None:
        super().__init__(content, reason)
        self.content = content
        self.reason = reason


def ask_in_vain(remote: Stored, key: str, *, backend: str = "asyncio", **headers: str) -> Cut:
    """What came of it before the response broke."""

    async def main() -> Cut:
        content = b""
        try:
            async with Exchange(FileResponse(ObjectStoreFile(remote.store, key)), headers=headers) as exchange:
                async for portion in exchange:
                    content += portion
        except OSError as error:
            assert not exchange.complete
            return Cut(content, error)
        raise AssertionError("nothing has failed")

    return anyio.run(main, backend=backend)


FETCHED = {
    "the whole": ("GET", {}, 200, [(0, 2 * MIB)]),
    "64 KiB": ("GET", {"range": f"bytes={MIB}-{MIB + 64 * KIB - 1}"}, 206, [(MIB, MIB + 64 * KIB)]),
    "a long range": ("GET", {"range": f"bytes=1-{MIB}"}, 206, [(1, MIB + 1)]),
    "several": ("GET", {"range": f"bytes=0-9,{MIB}-"}, 206, [(0, 10), (MIB, 2 * MIB)]),
    "HEAD": ("HEAD", {}, 200, []),
    "304": ("GET", {"if_none_match": "*"}, 304, []),
    "412": ("GET", {"if_match": '"another"'}, 412, []),
    "416": ("GET", {"range": f"bytes={2 * MIB}-"}, 416, []),
}


@pytest.mark.parametrize(("method", "headers", "status", "ranges"), FETCHED.values(), ids=FETCHED)
def test_no_octet_is_fetched_but_those_that_are_sent(
    remote: Stored,
    key: str,
    backend: str,
    method: str,
    headers: dict[str, str],
    status: int,
    ranges: list[tuple[int, int]],
) -> None:
    answer = ask(remote, key, method, backend=backend, **headers)
    assert (answer.status, answer.complete) == (status, True)
    if len(ranges) == 1:
        assert answer.body == CONTENT[slice(*ranges[0])]
    injector = remote.injector
    assert [asked.method for asked in injector.asked] == ["HEAD", *("GET" for _ in ranges)]
    assert injector.ranges() == ranges
    assert injector.octets == sum(stop - start for start, stop in ranges)
    etag = remote.direct.head(key)["e_tag"]
    assert {asked.headers.get("if-match") for asked in injector.of("GET")} <= {etag}


def test_an_object_that_is_not_there_costs_one_question(remote: Stored) -> None:
    assert ask(remote, "nothing").status == 404
    assert [asked.method for asked in remote.injector.asked] == ["HEAD"]


def test_a_client_that_takes_its_time_has_the_store_wait(remote: Stored, backend: str) -> None:
    injector, key = remote.injector, large_key(remote)

    async def main() -> int:
        async with Exchange(FileResponse(ObjectStoreFile(remote.store, key)), spec_version="2.4") as exchange:
            while len(exchange.content) < MIB:
                await exchange.read()
            octets = await anyio.to_thread.run_sync(injector.settle)
            await exchange.body()
            assert exchange.content == LARGE
        return octets

    assert anyio.run(main, backend=backend) < IN_BUFFERS
    assert injector.octets == len(LARGE)
    assert len(injector.of("GET")) == 1


LEAVING: dict[str, tuple[str, Fault, int]] = {
    "before ASGI 2.4, while the store is silent": ("2.3", Fault(stall_after=MIB), MIB // 2),
    "before ASGI 2.4, in the midst": ("2.3", FINE, MIB),
    "since ASGI 2.4, in the midst": ("2.4", FINE, MIB),
    "before anything came": ("2.4", FINE, 0),
}


@pytest.mark.parametrize(("version", "fault", "taken"), LEAVING.values(), ids=LEAVING)
def test_nothing_is_left_of_a_client_that_leaves(
    remote: Stored, backend: str, version: str, fault: Fault, taken: int
) -> None:
    injector, key = remote.injector, large_key(remote)
    store = make(remote)(injector.port, client_options={"timeout": "2s"})  # which ends what a thread of trio waits for
    injector.next("GET", fault)

    async def main() -> None:
        response = FileResponse(ObjectStoreFile(store, key))
        async with Exchange(response, spec_version=version) as exchange:
            while len(exchange.content) < taken:
                await exchange.read()
        await anyio.to_thread.run_sync(injector.wait_until, lambda: injector.going_on == 0)

    anyio.run(main, backend=backend)
    assert injector.octets < IN_BUFFERS


def make(remote: Stored) -> Callable[..., Any]:
    """What makes another store like this one."""
    return s3 if type(remote.store).__name__ == "S3Store" else azure


def test_nothing_is_left_of_a_request_that_is_cancelled(remote: Stored, backend: str) -> None:
    """Before there is a head: the store does not say whether there is such an object."""
    injector = remote.injector
    store = make(remote)(injector.port, client_options={"timeout": "2s"}, retry_config={"max_retries": 0})
    injector.next("HEAD", Fault(stall_after=0))

    async def main() -> None:
        async with anyio.create_task_group() as group:
            group.start_soon(fetch, FileResponse(ObjectStoreFile(store, "a")))
            await anyio.to_thread.run_sync(injector.wait_until, lambda: injector.going_on == 1)
            group.cancel_scope.cancel()
        await anyio.to_thread.run_sync(injector.wait_until, lambda: injector.going_on == 0)

    anyio.run(main, backend=backend)


MENDED = {
    "once": [MIB],
    "at once": [0],
    "more often than the store's client tries": [MIB, 300 * KIB, 200 * KIB, CHUNK + 1],
    "without progress, but not too often": [MIB, 0, 0, 0],
    "at the last octet": [2 * MIB - 1],
}


@pytest.mark.parametrize("cuts", MENDED.values(), ids=MENDED)
def test_what_was_cut_goes_on_from_the_last_octet(remote: Stored, key: str, backend: str, cuts: list[int]) -> None:
    injector = remote.injector
    injector.next("GET", *(Fault(cut_after=octets) for octets in cuts))
    answer = ask(remote, key, backend=backend)
    assert (answer.status, answer.complete) == (200, True)
    assert answer.body == CONTENT
    # At most what was under way when the store's client gave up is fetched again.
    assert injector.octets - len(CONTENT) < CHUNK * len(cuts)
    if len(cuts) == 1:
        assert injector.octets == len(CONTENT)
        assert injector.ranges() == [(0, 2 * MIB), (cuts[0], 2 * MIB)]


def test_a_store_that_is_silent_is_asked_again(remote: Stored, key: str, backend: str) -> None:
    store = make(remote)(remote.injector.port, client_options={"timeout": "1s"})
    remote.injector.next("GET", Fault(stall_after=MIB))

    async def main() -> Answer:
        return await fetch(FileResponse(ObjectStoreFile(store, key)))

    assert anyio.run(main, backend=backend).body == CONTENT
    assert remote.injector.octets == len(CONTENT)


GIVEN_UP = {
    "cut at the first octet": (Fault(cut_after=0), 0),
    "cut after too little": (Fault(cut_after=1000), 3000),
    "unavailable": (Fault(status=503), 0),
}


@pytest.mark.parametrize(("fault", "octets"), GIVEN_UP.values(), ids=GIVEN_UP)
def test_a_store_that_fails_on_and_on_is_given_up(
    remote: Stored, key: str, backend: str, fault: Fault, octets: int
) -> None:
    injector = remote.injector
    injector.next("GET", Fault(cut_after=MIB))
    injector.always["GET"] = fault
    cut = ask_in_vain(remote, key, backend=backend)
    assert type(cut.reason) is ObjectStoreError
    assert CONTENT.startswith(cut.content)
    assert MIB - CHUNK <= len(cut.content) <= MIB + octets
    # The first, and thrice one with its one repetition.
    assert len(injector.of("GET")) <= 1 + 3 * 2
    assert all(start >= MIB - CHUNK for start, _ in injector.ranges()[1:])


def test_a_store_that_never_was_there_is_an_error_before_the_head(remote: Stored, key: str, backend: str) -> None:
    remote.injector.always["HEAD"] = Fault(status=503)
    cut = ask_in_vain(remote, key, backend=backend)
    assert type(cut.reason) is ObjectStoreError
    assert len(remote.injector.asked) == 2
    remote.injector.always.clear()
    remote.injector.next("HEAD", Fault(status=503))
    assert ask(remote, key, backend=backend).body == CONTENT


REFUSED: dict[str, Callable[[Stored], None]] = {
    "at once": lambda remote: remote.injector.next("HEAD", Fault(status=403)),
    "without credentials": lambda remote: remote.injector.next("HEAD", Fault(status=401)),
    "the content": lambda remote: remote.injector.next("GET", Fault(status=403)),
    "the rest": lambda remote: remote.injector.next("GET", Fault(cut_after=MIB), Fault(status=403), Fault(status=403)),
}


@pytest.mark.parametrize("refuse", REFUSED.values(), ids=REFUSED)
def test_what_may_not_be_read_is_neither_absent_nor_broken(
    remote: Stored, key: str, backend: str, refuse: Callable[[Stored], None]
) -> None:
    refuse(remote)
    cut = ask_in_vain(remote, key, backend=backend)
    assert isinstance(cut.reason, ObjectAccessError)
    assert isinstance(cut.reason, PermissionError)
    assert CONTENT.startswith(cut.content)
    assert len(remote.injector.asked) <= 4


def test_credentials_that_are_none(remote: Stored, key: str) -> None:
    if make(remote) is s3:
        pytest.skip("moto believes everybody")
    remote.store = azure(remote.injector.port, account_key="AAAA")
    assert isinstance(ask_in_vain(remote, key).reason, ObjectAccessError)


CHANGED: dict[str, Callable[[Stored, str], object]] = {
    "replaced": lambda remote, key: remote.direct.put(key, bytes(2 * MIB)),
    "replaced by a shorter one": lambda remote, key: remote.direct.put(key, b"short"),
    "deleted": lambda remote, key: remote.direct.delete(key),
}
MOMENTS = {
    "before the GET": ("HEAD", Fault()),
    "in the midst": ("GET", Fault(cut_after=MIB)),
}


@pytest.mark.parametrize(("method", "fault"), MOMENTS.values(), ids=MOMENTS)
@pytest.mark.parametrize("change", CHANGED.values(), ids=CHANGED)
def test_two_versions_are_never_mixed(
    remote: Stored, key: str, backend: str, change: Callable[[Stored, str], object], method: str, fault: Fault
) -> None:
    injector = remote.injector
    injector.next(method, Fault(cut_after=fault.cut_after, then=partial(change, remote, key)))
    cut = ask_in_vain(remote, key, backend=backend)
    assert isinstance(cut.reason, FileChangedError)
    assert CONTENT.startswith(cut.content)
    assert len(cut.content) <= (fault.cut_after or 0)


def test_the_parts_of_several_ranges_are_of_one_version(remote: Stored, key: str, backend: str) -> None:
    injector = remote.injector
    injector.next("GET", Fault(then=lambda: remote.direct.put(key, bytes(2 * MIB))))
    cut = ask_in_vain(remote, key, backend=backend, range=f"bytes=0-9,{MIB}-")
    assert isinstance(cut.reason, FileChangedError)
    assert injector.ranges() == [(0, 10), (MIB, 2 * MIB)]


def test_a_store_that_minds_no_condition_is_found_out(remote: Stored, key: str, backend: str) -> None:
    """As `rclone serve s3` does not: the answer is looked at, too."""
    injector = remote.injector

    class Careless:
        def __getattr__(self, name: str) -> Any:
            return getattr(remote.store, name)

        def get(self, key: str, *, options: dict[str, Any]) -> Any:
            return remote.store.get(key, options=_without_condition(options))

        def get_async(self, key: str, *, options: dict[str, Any]) -> Any:
            return remote.store.get_async(key, options=_without_condition(options))

    careless: Any = Careless()
    injector.next("HEAD", Fault(then=lambda: remote.direct.put(key, bytes(2 * MIB))))
    cut = ask_in_vain(Stored(remote.direct, careless, injector), key, backend=backend)
    assert isinstance(cut.reason, FileChangedError)
    assert cut.content == b""


def _without_condition(options: dict[str, Any]) -> Any:
    return {name: value for name, value in options.items() if name != "if_match"}


def test_a_request_may_take_longer_than_the_store_gives_it(remote: Stored, backend: str) -> None:
    """A client that takes its time lives longer than `timeout` and `retry_timeout`."""
    options: dict[str, Any] = {
        "client_options": {"timeout": "1s"},
        "retry_config": {"retry_timeout": timedelta(0)},
    }
    store, key, injector = make(remote)(remote.injector.port, **options), large_key(remote), remote.injector

    async def main() -> bytes:
        async with Exchange(FileResponse(ObjectStoreFile(store, key)), spec_version="2.4") as exchange:
            while len(exchange.content) < MIB:
                await exchange.read()
            await anyio.to_thread.run_sync(injector.settle, 1.5)
            await exchange.body()
            return exchange.content

    assert anyio.run(main, backend=backend) == LARGE
    assert len(injector.of("GET")) >= 2
