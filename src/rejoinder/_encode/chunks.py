"""Chunks of content that are text or bytes already: what `StreamingResponse` takes."""


class ChunkEncoder:
    """Encodes text with a charset, and takes bytes as they are."""

    def __init__(self, charset: str) -> None:
        self._charset = charset

    def begin(self) -> bytes:
        """Nothing."""
        return b""

    def encode(self, item: object) -> bytes:
        """The octets of a chunk.

        Raises:
            TypeError: it is neither text nor bytes.
        """
        if isinstance(item, bytes):
            return item
        if isinstance(item, str):
            return item.encode(self._charset)
        if isinstance(item, (bytearray, memoryview)):
            return bytes(item)
        raise TypeError(
            f"a stream's chunks must be str, bytes, bytearray or memoryview, got {type(item).__name__}; "
            "encode it before it is yielded"
        )

    def end(self) -> bytes:
        """Nothing."""
        return b""

    def fail(self, last: object) -> bytes:
        """The octets of what `on_error` returned."""
        return self.encode(last)
