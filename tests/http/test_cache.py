"""Cache-Control, and which names have a hash of the content in them: one wrongly taken for such is not asked for again."""

import copy
import pickle
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rejoinder import CacheControl
from rejoinder._http.cache import is_fingerprinted
from rejoinder._http.fields import encode_field

SAID: dict[str, dict[str, Any]] = {
    "public": {"public": True},
    "private": {"private": True},
    'private="set-cookie"': {"private": "Set-Cookie"},
    'private="set-cookie, x-a"': {"private": ["Set-Cookie", "x-a"]},
    'public, private="x-a", max-age=1': {"public": True, "private": ("x-a",), "max_age": 1},
    "no-cache": {"no_cache": True},
    'no-cache="set-cookie", stale-if-error=60': {"no_cache": {"set-cookie"}, "stale_if_error": 60},
    "no-store": {"no_store": True},
    "no-store, max-age=0": {"no_store": True, "max_age": 0},
    "max-age=0": {"max_age": 0},
    "max-age=2147483648": {"max_age": 2**31},
    "max-age=60": {"max_age": timedelta(seconds=60.9)},
    "max-age=60, s-maxage=3600, stale-while-revalidate=30": {
        "max_age": 60,
        "s_maxage": timedelta(hours=1),
        "stale_while_revalidate": 30,
    },
    "max-age=60, must-revalidate": {"max_age": 60, "must_revalidate": True},
    "max-age=60, proxy-revalidate": {"max_age": 60, "proxy_revalidate": True, "private": False},
    "no-store, max-age=60, must-understand, immutable": {
        "no_store": True,
        "must_understand": True,
        "max_age": 60,
        "immutable": True,
    },
    "no-transform": {"no_transform": True},
    "max-age=600, stale-while-revalidate=60, stale-if-error=86400": {
        "max_age": 600,
        "stale_while_revalidate": 60,
        "stale_if_error": timedelta(days=1),
    },
    "public, max-age=31536000, immutable": {"public": True, "max_age": timedelta(days=365), "immutable": True},
}
REFUSED: dict[str, tuple[dict[str, Any], str]] = {
    "nothing": ({}, "says nothing"),
    "nothing but False": ({"public": False, "max_age": None}, "says nothing"),
    "public and private": ({"public": True, "private": True}, "private contradicts public"),
    "private and shared": ({"private": True, "s_maxage": 1, "proxy_revalidate": True}, "s-maxage, proxy-revalidate"),
    "no-cache and immutable": ({"no_cache": True, "immutable": True}, "no-cache contradicts immutable"),
    "no-cache and stale": ({"no_cache": True, "stale_while_revalidate": 1}, "no-cache contradicts stale-while"),
    "must-revalidate and stale": ({"must_revalidate": True, "stale_if_error": 1}, "must-revalidate contradicts stale"),
    "no-store and kept": ({"no_store": True, "public": True, "s_maxage": 1}, "no-store contradicts public, s-maxage"),
    "negative": ({"max_age": -1}, "max_age must be 0 to 2147483648"),
    "negative timedelta": ({"s_maxage": timedelta(seconds=-1)}, "s_maxage must be 0"),
    "too long": ({"max_age": 2**31 + 1}, "a year is 31536000"),
    "a bool for seconds": ({"max_age": True}, "whole seconds"),
    "a float for seconds": ({"stale_if_error": 1.5}, "whole seconds"),
    "text for seconds": ({"max_age": "60"}, "whole seconds"),
    "no bool": ({"public": 1}, "True or False"),
    "None for a bool": ({"no_store": None}, "True or False"),
    "no names": ({"private": []}, "names of fields"),
    "a number for names": ({"no_cache": 1}, "names of fields"),
    "names that are none": ({"private": 'a", public="'}, "not a token"),
}


@pytest.mark.parametrize("value", SAID)
def test_cache_control(value: str) -> None:
    control = CacheControl(**SAID[value])
    assert control == value
    assert type(str(control)) is str
    assert encode_field("cache-control", control) == (b"cache-control", value.encode())


@pytest.mark.parametrize(("arguments", "text"), REFUSED.values(), ids=REFUSED)
def test_cache_control_refuses(arguments: dict[str, Any], text: str) -> None:
    with pytest.raises(ValueError, match=text):
        CacheControl(**arguments)


def test_cache_control_is_copied_as_a_text() -> None:
    control = CacheControl(max_age=60)
    assert copy.deepcopy(control) == pickle.loads(pickle.dumps(control)) == copy.copy(control) == "max-age=60"


def test_cache_control_cannot_be_changed() -> None:
    with pytest.raises(AttributeError):
        CacheControl(public=True).max_age = 3  # type: ignore[attr-defined]


@given(st.text() | st.lists(st.text()))
def test_no_name_of_a_field_becomes_a_directive(names: Any) -> None:
    try:
        value = CacheControl(private=names)
    except ValueError:
        return
    assert value.startswith('private="')
    assert value.count('"') == 2
    assert value.isascii()
    assert value.isprintable()


HASHED = [
    "app.3f2a1b9c.js",
    "index-BkH1x9aZ.css",
    "assets/index-Dx4a3k-Q.js",
    "main.8b1f3c9e2d4a5b6c7d8e.chunk.js",
    "main-3f2a1b9c.min.css",
    "logo.a1b2c3d4e5f60718.png",
    "chunk.3f2a1b9c.js.map",
    "index-BkH1x9aZ.js.map",
    "fonts/inter-3f2a1b9c0d1e2f3a.woff2",
    "data.3f2a1b9c.bin",
]
PLAIN = [
    "app.js",
    "index.html",
    "my-document.pdf",
    "style-override.css",
    "report-20241117.pdf",
    "main.20240101.css",
    "style-facadebb.css",
    "jquery-1.12.4.min.js",
    "avatar-550e8400-e29b-41d4-a716-44665544ab00.png",
    "guide-Chapter1.pdf",
    "slide-Picture1.png",
    "page-MyModule.js",
    "IMG-20240101-WA0001.jpg",
    "photo-DSC01234.jpg",
    "photo-Room-12B.jpg",
    "lesson-2ndDraft.js",
    "report-BkH1x9aZ.pdf",
    "3f2a1b9c.js",
    "assets/.3f2a1b9c.js",
    "app.3f2a1b9c",
    "app.3f2a1b9c.js/index.html",
    "app.3f2a1b9c.js\n",
    "app.3f2a1b9.js",
    "",
]


@pytest.mark.parametrize("name", HASHED)
def test_fingerprinted(name: str) -> None:
    assert is_fingerprinted(name)


@pytest.mark.parametrize("name", PLAIN)
def test_not_fingerprinted(name: str) -> None:
    assert not is_fingerprinted(name)


@pytest.mark.parametrize(
    "name", ["-" * 60_000, ".3f2a1b9c" * 7_000 + ".", "a-" + "f" * 60_000, "a-" + "0" * 60_000, "-A" * 30_000]
)
def test_long_names_are_read_in_linear_time(name: str) -> None:
    """Would not end, if they were not."""
    assert not is_fingerprinted(name)
