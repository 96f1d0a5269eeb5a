"""Integrity: Content-Digest and Repr-Digest of RFC 9530.

Content-Digest is about the octets of this very message: one range of a file, nothing for HEAD (appendix B.2).
Repr-Digest is about the representation, whatever part of it is sent. Both are about what a content coding has made.
"""

import hashlib
from base64 import b64encode
from collections.abc import Mapping
from typing import Any, Literal, NamedTuple, Protocol, TypeAlias

from rejoinder._http.fields import Field

Algorithm: TypeAlias = Literal["sha-256", "sha-512"]
# 5: those with the status "Active"; all others are insecure, and for checksums of old.
_ALGORITHMS = {"sha-256": hashlib.sha256, "sha-512": hashlib.sha512}

CONTENT_DIGEST, REPR_DIGEST = b"content-digest", b"repr-digest"
_OPTIONS = (("content_digest", CONTENT_DIGEST), ("repr_digest", REPR_DIGEST))


class Hash(Protocol):
    """What is fed with octets, as those of `hashlib`."""

    def update(self, data: bytes, /) -> None:
        """Some more of them."""
        ...

    def digest(self) -> bytes:
        """Of all that there were."""
        ...


class Digest(NamedTuple):
    """A field to be sent, and the algorithm that makes it."""

    name: bytes
    algorithm: Algorithm

    def start(self) -> Hash:
        """The hash of nothing yet."""
        return _ALGORITHMS[self.algorithm]()

    def format(self, digest: bytes) -> Field:
        """The field: a dictionary of one member, which is a byte sequence (RFC 9651, 3.2, 3.3.5).

        >>> Digest(b"repr-digest", "sha-256").format(bytes(3))
        (b'repr-digest', b'sha-256=:AAAA:')
        """
        return self.name, b"%s=:%s:" % (self.algorithm.encode(), b64encode(digest))

    def of(self, content: bytes) -> Field:
        """The field for these octets.

        >>> Digest(b"content-digest", "sha-256").of(b"")
        (b'content-digest', b'sha-256=:47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=:')
        """
        digest = self.start()
        digest.update(content)
        return self.format(digest.digest())


def check_digests(options: Mapping[str, Any]) -> tuple[Digest, ...]:
    """The digests that `content_digest` and `repr_digest` among a caller's options ask for; True is sha-256.

    Raises:
        ValueError: another algorithm.

    >>> check_digests({"repr_digest": True})
    (Digest(name=b'repr-digest', algorithm='sha-256'),)
    """
    return tuple(
        Digest(name, _check_algorithm(option, options[option]))
        for option, name in _OPTIONS
        if options.get(option) not in (None, False)
    )


def _check_algorithm(option: str, value: object) -> Algorithm:
    if value is True or value == "sha-256":
        return "sha-256"
    if value == "sha-512":
        return "sha-512"
    raise ValueError(f'{option} must be True, "sha-256" or "sha-512" (RFC 9530, 5), got {value!r}')
