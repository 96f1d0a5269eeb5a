"""What an encoder of a stream is."""

from typing import Protocol


class Encoder(Protocol):
    """Turns the items of a stream into the octets on the wire; one object for one sending."""

    def begin(self) -> bytes:
        """The octets before the first item; b"" for none. Called first."""
        ...

    def encode(self, item: object) -> bytes:
        """The octets of an item."""
        ...

    def end(self) -> bytes:
        """The octets after the last item, on a clean end only."""
        ...

    def fail(self, last: object) -> bytes:
        """The octets in place of `end`, when `on_error` made `last` of an exception."""
        ...
