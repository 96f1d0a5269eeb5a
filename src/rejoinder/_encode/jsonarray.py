"""A JSON array that is never in memory as a whole."""

from rejoinder._encode.json import encode_json

KEEPALIVE = b" "
"""White space, which JSON allows between any two tokens (RFC 8259, 2)."""


class ArrayEncoder:
    """Items to a JSON array: bare, or as the member of an object with this name."""

    def __init__(self, envelope: str | None) -> None:
        self._begin = b"[" if envelope is None else b"{" + encode_json(envelope) + b":["
        self._bare = envelope is None
        self._separator = b""

    def begin(self) -> bytes:
        """What opens the array."""
        return self._begin

    def encode(self, item: object) -> bytes:
        """An item; before all but the first, a comma."""
        encoded = self._separator + encode_json(item)
        self._separator = b","
        return encoded

    def end(self) -> bytes:
        """What closes the array."""
        return b"]" if self._bare else b"]}"

    def fail(self, last: object) -> bytes:
        """An array that ends with `last`; in an envelope, a member `error` beside the array."""
        return self.encode(last) + b"]" if self._bare else b'],"error":' + encode_json(last) + b"}"
