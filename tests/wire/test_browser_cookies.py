"""A real browser's jar: cookies arrive with their attributes, and are gone when deleted with the same attributes."""

from typing import Any

import pytest

pytest.importorskip("selenium")
pytest.importorskip("uvicorn")

from selenium import webdriver

pytestmark = [pytest.mark.wire, pytest.mark.browser]

# Browsers resolve names below localhost by themselves, and trust them as if they were HTTPS: Secure cookies work.
HOST = "www.app.localhost"

IDENTITY = ("path", "domain", "secure", "httponly", "samesite", "partitioned")
# Name, what set_cookie is given, and what the jar must hold beside name and value.
ROWS: list[tuple[str, dict[str, Any], dict[str, Any]]] = [
    ("plain", {}, {"path": "/", "httpOnly": False, "secure": False, "sameSite": "Lax", "session": True}),
    ("path", {"path": "/deep/er"}, {"path": "/deep/er"}),
    ("unicode-path", {"path": "/grüße"}, {"path": "/gr%C3%BC%C3%9Fe"}),
    ("no-path", {"path": None}, {"path": "/cookies"}),
    ("domain", {"domain": "app.localhost"}, {"domain": ".app.localhost"}),
    ("host-only", {"domain": None}, {"domain": HOST}),
    ("httponly", {"httponly": True}, {"httpOnly": True}),
    ("secure", {"secure": True}, {"secure": True}),
    ("lax", {"samesite": "lax"}, {"sameSite": "Lax"}),
    ("strict", {"samesite": "strict"}, {"sameSite": "Strict"}),
    ("none", {"samesite": "none", "secure": True}, {"sameSite": "None", "secure": True}),
    ("unset", {"samesite": None}, {"sameSite": None}),
    ("kept", {"max_age": 3600}, {"session": False}),
    ("until", {"expires": 3600}, {"session": False}),
    ("partitioned", {"partitioned": True, "secure": True, "samesite": "none"}, {"partitioned": True, "secure": True}),
    ("__Host-id", {"secure": True, "httponly": True}, {"path": "/", "domain": HOST, "secure": True}),
    ("__Secure-id", {"secure": True, "path": "/deep"}, {"path": "/deep", "secure": True}),
    ("__Host-chips", {"secure": True, "samesite": "none", "partitioned": True}, {"path": "/", "partitioned": True}),
    ("app:session", {}, {}),
    ("!#$%&'*+-.^_`|~", {}, {}),
]  # fmt: skip
# What JavaScript reads: quoted values keep their quotes and escapes, as http.cookies writes them.
VALUES = {
    "word": ("abc", {}, "abc"),
    "unicode": ("grüße 😀; 100%", {}, "grüße 😀; 100%"),
    "latin": ('grüße, "ß" 100% \\', {"quote": "percent"}, 'grüße, "ß" 100% \\'),
    "json": ('{"a": [1, "ü"]}', {"quote": "percent"}, '{"a": [1, "ü"]}'),
    "symbols": ("!#$&'()*+/:<=>?@[]^`{|}", {"quote": "percent"}, "!#$&'()*+/:<=>?@[]^`{|}"),
    "tab": ("a\tb", {"quote": "percent"}, "a\tb"),
    "quoted": ("a b", {}, '"a b"'),
    "longest": ("x" * 4095, {}, "x" * 4095),
}


@pytest.fixture(scope="module")
def site(uvicorn_port: int) -> str:
    return f"http://{HOST}:{uvicorn_port}"


def send(browser: webdriver.Chrome, verb: str, *described: dict[str, Any]) -> None:
    """Has the page fetch an answer that sets, or deletes, these cookies."""
    script = (
        "const [path, content, done] = arguments;"
        "fetch(path, {method: 'POST', body: JSON.stringify(content)}).then(answer => done(answer.status))"
    )
    assert browser.execute_async_script(script, f"/cookies/{verb}", described) == 200


def jar(browser: webdriver.Chrome) -> dict[str, dict[str, Any]]:
    cookies = browser.execute_cdp_cmd("Storage.getCookies", {})["cookies"]
    return {cookie["name"]: {"sameSite": None, **cookie, "partitioned": "partitionKey" in cookie} for cookie in cookies}


@pytest.fixture
def page(browser: webdriver.Chrome, site: str) -> webdriver.Chrome:
    """A page of the site, with nothing in the jar."""
    browser.get(f"{site}/page")
    browser.execute_cdp_cmd("Storage.clearCookies", {})
    assert jar(browser) == {}
    return browser


@pytest.mark.parametrize(("name", "options", "held"), ROWS, ids=[row[0] for row in ROWS])
def test_a_cookie_is_held_with_its_attributes_and_gone_when_deleted(
    page: webdriver.Chrome, name: str, options: dict[str, Any], held: dict[str, Any]
) -> None:
    other = {"key": "bystander", "value": "stays"}
    send(page, "set", other, {"key": name, "value": "value", **options})
    found = jar(page)
    assert found.keys() == {"bystander", name}
    expected = {"value": "value", **held}
    assert {key: found[name].get(key) for key in expected} == expected

    identity = {key: value for key, value in options.items() if key in IDENTITY}
    send(page, "delete", {"key": name, **identity})
    assert jar(page).keys() == {"bystander"}


def test_localhost_itself_is_trusted_too(page: webdriver.Chrome, uvicorn_port: int) -> None:
    page.get(f"http://localhost:{uvicorn_port}/page")
    attributes = {"key": "__Host-a", "secure": True, "samesite": "none", "partitioned": True}
    send(page, "set", {**attributes, "value": "1"})
    assert jar(page)["__Host-a"]["domain"] == "localhost"
    send(page, "delete", attributes)
    assert jar(page) == {}


def test_a_deletion_with_another_path_deletes_nothing(page: webdriver.Chrome) -> None:
    send(page, "set", {"key": "a", "value": "1", "path": "/deep"})
    send(page, "delete", {"key": "a"})
    assert jar(page).keys() == {"a"}


@pytest.mark.parametrize(("value", "options", "read"), VALUES.values(), ids=VALUES)
def test_a_value_as_javascript_reads_it(page: webdriver.Chrome, value: str, options: dict[str, Any], read: str) -> None:
    send(page, "set", {"key": "a", "value": value, **options})
    script = "return decodeURIComponent(document.cookie.match(/(?:^|; )a=(.*?)(?:; |$)/)[1])"
    assert page.execute_script(script) == read


def test_a_promise_that_we_refuse_is_one_that_the_browser_breaks(page: webdriver.Chrome, site: str) -> None:
    """Why `cookie-promises` is an error: the browser drops such cookies, and does not tell the server."""
    lines = ("a=b; SameSite=None", "__Host-a=b; Secure; Path=/p", "__Secure-a=b", "c=d; Partitioned; Path=/")
    for line in lines:
        page.execute_script("document.cookie = arguments[0]", line)
    assert jar(page) == {}
