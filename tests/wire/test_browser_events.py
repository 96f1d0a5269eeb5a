"""The `EventSource` of a real browser: every odd payload, reconnecting, resuming, and being told to stop."""

import json
from typing import Any

import pytest

pytest.importorskip("selenium")
pytest.importorskip("uvicorn")

from selenium import webdriver

pytestmark = [pytest.mark.wire, pytest.mark.browser]

# Listens until an event named "end", or until the browser gives up; counts how often the stream was opened.
LISTEN = """
const [path, done] = arguments;
const source = new EventSource(path), seen = [];
let opened = 0;
const note = event => seen.push([event.type, event.data, event.lastEventId]);
for (const type of ["message", "update", "ßü", "gap", "forged"]) source.addEventListener(type, note);
const end = () => { source.close(); done({seen, opened, state: source.readyState}); };
source.addEventListener("end", end);
source.onopen = () => { opened += 1; };
source.onerror = () => { if (source.readyState === EventSource.CLOSED) end(); };
"""


@pytest.fixture
def page(browser: webdriver.Chrome, uvicorn_port: int) -> webdriver.Chrome:
    browser.get(f"http://127.0.0.1:{uvicorn_port}/page")
    return browser


def listen(page: webdriver.Chrome, path: str) -> Any:
    return page.execute_async_script(LISTEN, path)


def read_back(text: str) -> str:
    """What JavaScript has of a text when its line ends are all of one kind, and it has passed UTF-8."""
    return text.replace("\r\n", "\n").replace("\r", "\n").encode("utf-8", "replace").decode()


def test_every_odd_text_is_read_as_it_was_written(page: webdriver.Chrome) -> None:
    texts = page.execute_async_script("const done = arguments[0]; fetch('/texts').then(r => r.text()).then(done)")
    seen = listen(page, "/events/texts")["seen"]
    assert seen == [["message", read_back(text), ""] for text in json.loads(texts)]
    assert len(seen) > 10


def test_every_object_is_read_as_json(page: webdriver.Chrome) -> None:
    seen = listen(page, "/events/objects")["seen"]
    assert [json.loads(data) for _, data, _ in seen] == [
        {"a": "\u2028\n\r\0\ud800"},
        "text",
        None,
        True,
        1.5,
        [],
        "\ufeff",
    ]


def test_names_ids_and_comments(page: webdriver.Chrome) -> None:
    assert listen(page, "/events/fields")["seen"] == [
        ["update", "1", "7"],
        ["message", "2", "7"],
        ["ßü", "3", "größe "],
        ["message", "4", ""],
    ]


def test_a_browser_goes_on_where_it_was_until_it_is_told_to_stop(page: webdriver.Chrome) -> None:
    """Each stream of `/events/resumed` is two events long; after the sixth event, it answers 204."""
    heard = listen(page, "/events/resumed")
    assert heard["seen"] == [["message", str(number), str(number)] for number in range(6)]
    assert (heard["opened"], heard["state"]) == (3, 2)  # CLOSED
