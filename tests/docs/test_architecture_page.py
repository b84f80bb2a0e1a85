"""docs/architecture.md names functions that exist, and its walk of a frame stays short."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

import pytest

from lab.process import ROOT

PAGE = (ROOT / "docs" / "architecture.md").read_text()
# | 7 | `collector/feed/books.py` | `SymbolBook.take_update` | …
HOP = re.compile(r"^\| *\d+[^|]*\| `([\w/.]+)` \| (.+?) \|", re.MULTILINE)
NAME = re.compile(r"`([\w.]+)`")
MAX_CALLS = 60
MAX_FILES = 22


def hops(text: str) -> Iterator[tuple[str, str]]:
    """Yield file and function of each call in the tables of `text`."""
    for path, calls in HOP.findall(text):
        for name in NAME.findall(calls):
            yield path, name


def walk(title: str) -> str:
    """Return the section of the page that begins with `title`."""
    (section,) = [part for part in PAGE.split("\n## ") if part.startswith(title)]
    return section


def definitions(path: str) -> set[str]:
    """Return the functions of a module, as `function` or `Class.method`; scripts have none."""
    if not path.endswith(".py"):
        return {(ROOT / path).stem}
    found: set[str] = set()
    for node in ast.parse((ROOT / path).read_text()).body:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            found.add(node.name)
        if isinstance(node, ast.ClassDef):
            functions = (ast.FunctionDef, ast.AsyncFunctionDef)
            found |= {
                f"{node.name}.{each.name}" for each in node.body if isinstance(each, functions)
            }
    return found


@pytest.mark.parametrize(("path", "name"), sorted(set(hops(PAGE))))
def test_architecture_names_a_function_that_exists(path: str, name: str) -> None:
    assert name in definitions(path)


def test_walk_of_a_frame_is_as_short_as_the_page_says() -> None:
    section = walk("A frame")
    in_socket = list(hops(section))
    names = [name for _, name in in_socket]
    is_sse = in_socket[: names.index("EventLog.append") + 1]
    for calls, text in ((is_sse, "SSE bytes after"), (in_socket, "socket after")):
        files = {path for path, _ in calls}
        assert f"{text} {len(calls)} calls in {len(files)}" in section.replace("\n", " ")
    assert len(in_socket) <= MAX_CALLS
    assert len({path for path, _ in is_sse}) <= MAX_FILES
