"""The public face: names, versions, and that importing it costs no engine that is not needed."""

import subprocess
import sys
from importlib.metadata import version

import pytest

import rejoinder
import rejoinder.middleware
import rejoinder.problems
import rejoinder.responses
import rejoinder.shutdown
import rejoinder.sse
import rejoinder.staticfiles


def test_every_exported_name_exists() -> None:
    for module in (
        rejoinder,
        rejoinder.middleware,
        rejoinder.problems,
        rejoinder.responses,
        rejoinder.shutdown,
        rejoinder.sse,
        rejoinder.staticfiles,
    ):
        assert module.__all__ == sorted(module.__all__)
        for name in module.__all__:
            assert getattr(module, name) is not None


def test_the_response_classes_are_the_same_from_both_doors() -> None:
    for name in rejoinder.responses.__all__:
        assert getattr(rejoinder, name) is getattr(rejoinder.responses, name)


def test_the_version_has_one_source() -> None:
    assert version("rejoinder") == rejoinder.__version__


def test_optional_engines_are_loaded_only_when_they_are_used() -> None:
    code = (
        "import rejoinder, sys\n"
        "loaded = {'orjson', 'ujson', 'fastapi', 'pydantic', 'numpy', 'trio', 'idna.core', 'brotli', 'backports', 'httpx',"
        " 'obstore', 'redis'}\n"
        "loaded &= set(sys.modules)\n"
        "assert not loaded, loaded"
    )
    subprocess.run([sys.executable, "-W", "error", "-c", code], check=True)


def test_without_fastapi_every_name_is_there() -> None:
    code = (
        "import sys; sys.modules['fastapi'] = sys.modules['fastapi.sse'] = None\n"
        "from rejoinder import *\n"
        "from rejoinder.responses import *\n"
        "from rejoinder import EventSourceResponse, responses\n"
        "from rejoinder.sse import *\n"
        "assert EventSourceResponse is responses.EventSourceResponse\n"
        "assert ServerSentEvent.__module__ == 'rejoinder._encode.sse'\n"
        "EventSourceResponse([ServerSentEvent(data=1)])"
    )
    subprocess.run([sys.executable, "-W", "error", "-c", code], check=True)


def test_with_fastapi_its_event_is_the_event() -> None:
    fastapi = pytest.importorskip("fastapi.sse")
    assert rejoinder.sse.ServerSentEvent is fastapi.ServerSentEvent
    assert issubclass(rejoinder.EventSourceResponse, fastapi.EventSourceResponse)
