"""What `help` says about the fields of classes whose objects callers get."""

from __future__ import annotations

import pydoc
from dataclasses import fields

import pytest

from kraken_book import FrozenBook, Precision, Quote
from kraken_book.field_help import attribute_docs


def members(cls: type) -> tuple[str, ...]:
    if issubclass(cls, FrozenBook):
        return tuple(each.name for each in fields(cls))
    names: tuple[str, ...] = cls.__dict__["_fields"]
    return names


@pytest.mark.parametrize("cls", [FrozenBook, Precision, Quote])
def test_help_describes_each_field(cls: type) -> None:
    docs = attribute_docs(cls)
    assert tuple(docs) == members(cls)
    text = pydoc.plain(pydoc.render_doc(cls))
    assert "Alias for field" not in text
    for name, description in docs.items():
        assert f" |  {name}\n |      {description}\n" in text


def test_description_of_several_lines_becomes_one() -> None:
    class Documented:
        """A class.

        Attributes:
            first: One line
                and another.
            second: The last.

        Other: text
        """

    assert attribute_docs(Documented) == {"first": "One line and another.", "second": "The last."}
    assert attribute_docs(type("Bare", (), {})) == {}
