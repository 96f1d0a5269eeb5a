"""Stores to ask: in memory, in a directory, and behind a fault injector S3's protocol (moto) and Azure's (Azurite)."""

import base64
import hashlib
import hmac
import itertools
import shutil
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

# What a module of tests lacks is seen to in `tests/conftest.py`; this is none.
pytest.importorskip("httpx")
pytest.importorskip("obstore")

import httpx
from bench.processes import free_port, server_process
from obstore.store import AzureStore, LocalStore, MemoryStore, S3Store
from tests.objectstore.injector import Injector, injecting

if TYPE_CHECKING:
    from obstore.store import ObjectStore

BUCKET = "bucket"
# Known to everybody: the account of Azure's emulators.
ACCOUNT = "devstoreaccount1"
KEY = "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw=="
_AT_ONCE = timedelta(milliseconds=1)
RETRIES = {"max_retries": 1, "backoff": {"init_backoff": _AT_ONCE, "max_backoff": _AT_ONCE, "base": 2}}
_names = itertools.count()


@dataclass
class Stored:
    """A store: `direct`, to put objects into it, and as it is asked in a test, with what counts that."""

    direct: "ObjectStore"
    store: "ObjectStore"
    injector: Injector
    backend: str = "asyncio"
    """What the test runs on."""

    def put(self, content: bytes, name: str = "object", **attributes: str) -> str:
        """The key of a new object, with nothing else below its first part."""
        key = f"{next(_names)}/{name}"
        self.direct.put(key, content, attributes={name.replace("_", "-"): value for name, value in attributes.items()})
        return key


def s3(port: int, **options: Any) -> S3Store:
    """The bucket of the server at this port."""
    options = {"access_key_id": "key", "secret_access_key": "secret", "retry_config": RETRIES, **options}
    client: Any = {"allow_http": True, **options.pop("client_options", {})}
    return S3Store(BUCKET, endpoint=f"http://127.0.0.1:{port}", region="us-east-1", client_options=client, **options)


def azure(port: int, **options: Any) -> AzureStore:
    """The container of the server at this port."""
    options = {"account_key": KEY, "retry_config": RETRIES, **options}
    client: Any = {"allow_http": True, **options.pop("client_options", {})}
    endpoint = f"http://127.0.0.1:{port}/{ACCOUNT}"
    return AzureStore(BUCKET, account_name=ACCOUNT, endpoint=endpoint, client_options=client, **options)


REMOTE: dict[str, Callable[..., S3Store | AzureStore]] = {"s3": s3, "azure": azure}


@contextmanager
def listening(command: Callable[[int], list[str]], log: Path) -> Iterator[int]:
    """The port of a server, whose process is gone when the context ends."""
    port = free_port()
    with server_process("the store", command(port), port, log, directory=log.parent):
        yield port


@pytest.fixture(scope="session")
def s3_port(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    """Of a server that speaks S3's protocol, with an empty bucket."""
    for module in ("moto", "flask", "flask_cors"):
        if find_spec(module) is None:
            pytest.skip(f"{module} is not installed")
    log = tmp_path_factory.mktemp("s3") / "log"
    with listening(lambda port: [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)], log) as port:
        httpx.put(f"http://127.0.0.1:{port}/{BUCKET}").raise_for_status()
        yield port


@pytest.fixture(scope="session")
def azure_port(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    """Of Azurite, with an empty container."""
    azurite = shutil.which("azurite-blob")
    if azurite is None:
        pytest.skip("needs Azurite: npm install --global azurite@3.35.0")
    options = "--inMemoryPersistence --silent --disableTelemetry --skipApiVersionCheck --blobHost 127.0.0.1 --blobPort"
    log = tmp_path_factory.mktemp("azure") / "log"
    with listening(lambda port: [azurite, *options.split(), str(port)], log) as port:
        _make_container(port)
        yield port


def _make_container(port: int) -> None:
    """obstore cannot."""
    now = datetime.now(UTC).strftime("%a, %d %b %Y %H:%M:%S GMT")
    version = "2021-08-06"
    signed = (
        f"PUT{12 * chr(10)}x-ms-date:{now}\nx-ms-version:{version}\n/{ACCOUNT}/{ACCOUNT}/{BUCKET}\nrestype:container"
    )
    signature = base64.b64encode(hmac.new(base64.b64decode(KEY), signed.encode(), hashlib.sha256).digest()).decode()
    headers = {"x-ms-date": now, "x-ms-version": version, "authorization": f"SharedKey {ACCOUNT}:{signature}"}
    url = f"http://127.0.0.1:{port}/{ACCOUNT}/{BUCKET}?restype=container"
    httpx.put(url, headers=headers).raise_for_status()


@pytest.fixture(scope="session")
def s3_injector(s3_port: int) -> Iterator[Injector]:
    with injecting(s3_port) as injector:
        yield injector


@pytest.fixture(scope="session")
def azure_injector(azure_port: int) -> Iterator[Injector]:
    with injecting(azure_port) as injector:
        yield injector


_REAL = [pytest.param(name, marks=pytest.mark.wire) for name in REMOTE]


# Trio is the same for each store.
_RUNS = [("s3", "asyncio"), ("s3", "trio"), ("azure", "asyncio")]


@pytest.fixture(params=[pytest.param(run, id="-".join(run), marks=pytest.mark.wire) for run in _RUNS])
def remote(request: pytest.FixtureRequest) -> Stored:
    """A store of which one can say what was fetched, and which can be made to fail: the test runs with each."""
    kind, backend = request.param
    injector: Injector = request.getfixturevalue(f"{kind}_injector")
    make = REMOTE[kind]
    injector.forget()
    return Stored(make(injector.upstream), make(injector.port), injector, backend)


@pytest.fixture(params=["memory", "local", *_REAL])
def stored(request: pytest.FixtureRequest, tmp_path: Path) -> Stored:
    """Any store: the test runs with each."""
    if request.param == "memory":
        store: ObjectStore = MemoryStore()
    elif request.param == "local":
        store = LocalStore(tmp_path)
    else:
        port: int = request.getfixturevalue(f"{request.param}_port")
        store = REMOTE[request.param](port)
    return Stored(store, store, Injector(0))
