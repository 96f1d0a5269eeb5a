"""For mkdocstrings: examples in docstrings are sessions of the interpreter, and not quotations in quotations."""

from typing import Any

from griffe import Docstring, Extension, Object

from docs.reference import fence


class Examples(Extension):
    """Fences the examples of every docstring that is read."""

    def on_object(self, *, obj: Object, **_: Any) -> None:
        if isinstance(obj.docstring, Docstring):
            obj.docstring.value = fence(obj.docstring.value)
