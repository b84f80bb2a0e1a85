"""Nothing is public by accident: modules say what they export, and the page lists all of it."""

from __future__ import annotations

import ast
import inspect
import re
import subprocess
import sys
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from types import FunctionType, ModuleType
from typing import Any

import pytest

import kraken_book
from lab.process import ROOT
from tests.docs.markdown import DOCS, section

# Programs, which nobody imports.
PROGRAMS = ("kraken_book.__main__", "kraken_book.commands", "kraken_book.terminal")
# Only if the compiler's module is installed.
COMPILED = "kraken_book.compiled_side"


def library() -> Iterator[ModuleType]:
    for path in sorted((ROOT / "kraken_book").rglob("*.py")):
        name = ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")
        if not name.startswith((*PROGRAMS, COMPILED)):
            yield import_module(name)


def definitions(module: ModuleType) -> set[str]:
    """Return the classes and functions that a module defines, without private ones."""
    assert module.__file__ is not None
    tree = ast.parse(Path(module.__file__).read_text())
    kinds = ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef
    names = {node.name for node in tree.body if isinstance(node, kinds)}
    return {name for name in names if not name.startswith("_")}


def test_each_module_exports_exactly_what_it_defines_without_an_underscore() -> None:
    faults = []
    for module in library():
        exported = set(getattr(module, "__all__", ()))
        missing = definitions(module) - exported
        unknown = {name for name in exported if not hasattr(module, name)}
        if missing or unknown:
            faults.append((module.__name__, missing, unknown))
    assert faults == []


def listed() -> list[str]:
    """Return the names in the table of the page."""
    table = section((DOCS / "client.md").read_text(), "All names")
    rows = [line for line in table.splitlines() if line.startswith("| `")]
    return [name for row in rows for name in re.findall(r"`(\w+)`", row.split("|")[1])]


def test_page_of_the_client_lists_exactly_what_the_package_exports() -> None:
    assert sorted(listed()) == sorted(kraken_book.__all__)


@pytest.mark.process
def test_package_shows_its_names_before_they_are_loaded() -> None:
    code = "import sys, kraken_book; print('httpx' in sys.modules, *dir(kraken_book))"
    command = [sys.executable, "-c", code]
    shown = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    is_loaded, *names = shown.split()
    assert is_loaded == "False"
    assert set(kraken_book.__all__) <= set(names)


def members() -> Iterator[tuple[str, Any]]:
    """Yield each public class, function and method of the package, with its name."""
    for name in kraken_book.__all__:
        value = getattr(kraken_book, name)
        if not isinstance(value, type | FunctionType):
            # `Event` is a union.
            continue
        yield name, value
        for base in value.__mro__ if isinstance(value, type) else ():
            if base.__module__.startswith("kraken_book"):
                methods = {each: vars(base)[each] for each in vars(base) if each[0] != "_"}
                yield from ((f"{name}.{each}", method) for each, method in methods.items())


def faults_of(name: str, value: Any) -> Iterator[str]:
    function = value.fget if isinstance(value, property) else value
    function = getattr(function, "__func__", function)
    if isinstance(function, type | FunctionType) and not inspect.getdoc(function):
        yield f"{name} has no docstring"
    if isinstance(function, FunctionType):
        signature = inspect.signature(function)
        if signature.return_annotation is signature.empty:
            yield f"{name} has no return annotation"
        for parameter in signature.parameters.values():
            if parameter.name != "self" and parameter.annotation is parameter.empty:
                yield f"{name}: {parameter.name} has no annotation"


def test_public_names_have_docstrings_and_annotations() -> None:
    found = list(members())
    assert len(found) > 100
    assert [fault for name, value in found for fault in faults_of(name, value)] == []
