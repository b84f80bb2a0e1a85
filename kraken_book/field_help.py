"""Descriptions of fields that `help` shows, taken from the `Attributes:` of a class's docstring."""

from __future__ import annotations

import re
from inspect import cleandoc
from typing import Any, TypeVar

__all__ = ["attribute_docs", "with_field_help"]

_Class = TypeVar("_Class", bound=type)
_SECTION = re.compile(r"^Attributes:\n((?: {4}.*\n?|\n)+)", re.MULTILINE)
_ENTRY = re.compile(r"^ {4}(\w+): (.*(?:\n {5,}.*)*)", re.MULTILINE)


def with_field_help(cls: _Class) -> _Class:
    """Return a NamedTuple or a class with slots, the fields of which now have descriptions.

    Without this decorator, `help` says `Alias for field number 0`, or nothing.
    """
    described: Any = cls
    docs = attribute_docs(cls)
    slots = cls.__dict__.get("__slots__")
    if slots:
        # `help` reads the descriptions of slots from this dictionary.
        described.__slots__ = {name: docs.get(name) for name in slots}
    else:
        for name, text in docs.items():
            getattr(described, name).__doc__ = text
    return cls


def attribute_docs(cls: type) -> dict[str, str]:
    """Return the descriptions in the docstring of a class, by name; none with `python -OO`."""
    section = _SECTION.search(cleandoc(cls.__doc__ or "") + "\n")
    entries = _ENTRY.findall(section[1]) if section else ()
    return {name: " ".join(description.split()) for name, description in entries}
