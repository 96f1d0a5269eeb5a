"""RFC 9110, section 8.3: the content-type field."""

import pytest

from rejoinder._http.media import content_type


@pytest.mark.parametrize(
    ("media_type", "charset", "sent"),
    [
        pytest.param("text/html", "utf-8", b"text/html; charset=utf-8", id="text gets the charset"),
        pytest.param("text/csv", "latin-1", b"text/csv; charset=latin-1", id="of the class"),
        pytest.param("text/html; a=b", "utf-8", b"text/html; a=b; charset=utf-8", id="after other parameters"),
        pytest.param("text/html; charset=koi8-r", "utf-8", b"text/html; charset=koi8-r", id="unless it has one"),
        pytest.param("text/html;CharSet=koi8-r", "utf-8", b"text/html;CharSet=koi8-r", id="in any case"),
        pytest.param("application/json", "utf-8", b"application/json", id="others get none"),
        pytest.param("application/text/", "utf-8", b"application/text/", id="nor what holds text/ elsewhere"),
        pytest.param("Text/HTML", "utf-8", b"Text/HTML", id="nor, as in Starlette, text in capitals"),
    ],
)
def test_content_type(media_type: str, charset: str, sent: bytes) -> None:
    assert content_type(media_type, charset) == (b"content-type", sent)


@pytest.mark.parametrize("media_type", ["text/html\r\nx: y", "a/b\0", "text/x;\n"])
def test_a_control_character_is_refused(media_type: str) -> None:
    with pytest.raises(ValueError, match=r"^header 'content-type': .+ has a control character"):
        content_type(media_type, "utf-8")


def test_text_beyond_latin_1_is_refused() -> None:
    with pytest.raises(ValueError, match=r"^header 'content-type': .+ is outside latin-1"):
        content_type("text/日本", "utf-8")
