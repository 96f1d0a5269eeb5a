"""For the reference: examples in docstrings are sessions of the interpreter, and not quotations in quotations."""

import re
from typing import Any

from griffe import Docstring, Extension, Object

_SESSION = re.compile(r"^( *)>>> .*(?:\n(?!\s*$).*)*", re.MULTILINE)


def fence(text: str) -> str:
    """The text with a fence around each session, up to the next empty line."""
    return _SESSION.sub(lambda found: f"{found[1]}```pycon\n{found[0]}\n{found[1]}```", text)


class Examples(Extension):
    """Fences the examples of every docstring that is read."""

    def on_object(self, *, obj: Object, **_: Any) -> None:
        if isinstance(obj.docstring, Docstring):
            obj.docstring.value = fence(obj.docstring.value)
