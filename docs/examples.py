"""For mkdocstrings: examples are sessions of the interpreter, and not quotations in quotations; `__new__` has a signature."""

from typing import Any

from griffe import Class, Docstring, Extension, Function, Object

from docs.reference import fence


class Examples(Extension):
    """Fences the examples of every docstring that is read."""

    def on_object(self, *, obj: Object, **_: Any) -> None:
        if isinstance(obj.docstring, Docstring):
            obj.docstring.value = fence(obj.docstring.value)

    def on_class(self, *, cls: Class, **_: Any) -> None:
        """Show the arguments of a class that takes them in `__new__`, as subclasses of `str` do."""
        new = cls.members.get("__new__")
        if isinstance(new, Function) and "__init__" not in cls.members:
            cls.set_member("__init__", new)
