"""Digest fields: RFC 9530, with the examples of its appendix B."""

from typing import Any

import pytest

from rejoinder._http.digests import Digest, check_digests

ITEM = b'{"hello": "world"}\n'


@pytest.mark.parametrize(
    ("digest", "content", "value"),
    [
        pytest.param(
            Digest(b"repr-digest", "sha-256"),
            ITEM,
            b"sha-256=:RK/0qy18MlBSVnWgjwz6lZEWjP/lF5HF9bvEF8FabDg=:",
            id="B.1",
        ),
        pytest.param(
            Digest(b"content-digest", "sha-256"),
            b"",
            b"sha-256=:47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=:",
            id="B.2",
        ),
        pytest.param(
            Digest(b"content-digest", "sha-512"),
            ITEM,
            b"sha-512=:YMAam51Jz/jOATT6/zvHrLVgOYTGFy1d6GJiOHTohq4yP+pgk4vf2aCsyRZOtw8MjkM7iw7yZ/WkppmM44T3qg==:",
            id="sha-512",
        ),
    ],
)
def test_of(digest: Digest, content: bytes, value: bytes) -> None:
    assert digest.of(content) == (digest.name, value)


BOTH = {"content_digest": True, "repr_digest": "sha-512"}


@pytest.mark.parametrize(
    ("options", "digests"),
    [
        pytest.param({}, (), id="none"),
        pytest.param({"content_digest": False, "repr_digest": None}, (), id="neither"),
        pytest.param(BOTH, (Digest(b"content-digest", "sha-256"), Digest(b"repr-digest", "sha-512")), id="both"),
    ],
)
def test_check(options: Any, digests: tuple[Digest, ...]) -> None:
    assert check_digests(options) == digests


@pytest.mark.parametrize("value", ["md5", "SHA-256", 256, ["sha-256"], b"sha-256"])
def test_check_refuses(value: Any) -> None:
    with pytest.raises(ValueError, match='repr_digest must be True, "sha-256" or "sha-512"'):
        check_digests({"repr_digest": value})
