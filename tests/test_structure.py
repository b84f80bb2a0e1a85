"""Rules for the structure of the source: unique names, small folders, no assigned functions.

import-linter checks the rules for imports, which are in `pyproject.toml`.
"""

from __future__ import annotations

import ast
from collections import defaultdict
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PRODUCT = ("kraken_book", "runtime", "collector", "api", "simulator", "launcher")
MAX_ENTRIES = 10
MAX_C_FUNCTION_LINES = 60

FunctionDef = ast.FunctionDef | ast.AsyncFunctionDef


@cache
def modules() -> list[tuple[str, ast.Module]]:
    """Return path and syntax tree of each module of the product."""
    return [
        (str(path.relative_to(ROOT)), ast.parse(path.read_text()))
        for package in PRODUCT
        for path in sorted((ROOT / package).rglob("*.py"))
    ]


def test_public_class_names_are_unique() -> None:
    places: dict[str, list[str]] = defaultdict(list)
    for path, module in modules():
        for node in module.body:
            if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
                places[node.name].append(path)
    assert {name: paths for name, paths in places.items() if len(paths) > 1} == {}


@pytest.mark.parametrize("folder", ["api", "collector"])
def test_service_folder_has_at_most_ten_entries(folder: str) -> None:
    ignored = {"__pycache__", "__init__.py"}
    entries = [path.name for path in (ROOT / folder).iterdir() if path.name not in ignored]
    assert len(entries) <= MAX_ENTRIES, sorted(entries)


def test_functions_are_not_assigned_to_attributes_of_other_objects() -> None:
    found = [
        f"{path}:{node.lineno}: {ast.unparse(node)}"
        for path, module in modules()
        for owner in ast.walk(module)
        if isinstance(owner, ast.ClassDef | ast.Module)
        for node in _statements(owner)
        if isinstance(node, ast.Assign)
        for target, value in _targets_with_values(node)
        if _is_attribute_of_another(target) and _is_function(value, _function_names(owner))
    ]
    assert found == []


def test_public_attributes_are_not_annotated_as_callable() -> None:
    found = [
        f"{path}:{node.lineno}: {ast.unparse(node)}"
        for path, module in modules()
        for node in ast.walk(module)
        if isinstance(node, ast.AnnAssign)
        and isinstance(node.target, ast.Attribute)
        and not node.target.attr.startswith("_")
        and "Callable" in ast.unparse(node.annotation)
    ]
    assert found == []


def test_module_names_differ_from_the_standard_library() -> None:
    # Folders may have such names, because `api.http` is always imported by its full name.
    names = {"socket", "queue", "select", "signal", "code", "calendar", "types", "token", "copy"}
    assert [path for path, _ in modules() if Path(path).stem in names] == []


def test_functions_in_c_have_at_most_sixty_lines() -> None:
    lengths = {
        f"{path.name}: {head}": length
        for path in sorted((ROOT / "kraken_book" / "c").glob("*.[ch]"))
        for head, length in _c_functions(path.read_text().splitlines())
    }
    assert lengths
    assert {head: n for head, n in lengths.items() if n > MAX_C_FUNCTION_LINES} == {}


def _c_functions(lines: list[str]) -> Iterator[tuple[str, int]]:
    """Yield the first line and the number of lines of each function, in the form of clang-format.

    Its head begins at the margin, as labels do. It ends with a brace alone at the margin.
    """
    start = 0
    for number, line in enumerate(lines):
        if line[:1].isalpha() and not line.endswith(":"):
            start = number
        if line == "}":
            yield lines[start], number - start + 1


def _targets_with_values(node: ast.Assign) -> Iterator[tuple[ast.expr, ast.expr]]:
    """Yield each target of an assignment with its value, also for `a, b = c, d`."""
    for target in node.targets:
        if isinstance(target, ast.Tuple) and isinstance(node.value, ast.Tuple):
            yield from zip(target.elts, node.value.elts, strict=True)
        else:
            yield target, node.value


def _is_attribute_of_another(target: ast.expr) -> bool:
    if not isinstance(target, ast.Attribute):
        return False
    return not (isinstance(target.value, ast.Name) and target.value.id in {"self", "cls"})


def _statements(owner: ast.ClassDef | ast.Module) -> Iterator[ast.AST]:
    """Yield all nodes of a class or a module except nested classes."""
    for child in owner.body:
        if not isinstance(child, ast.ClassDef):
            yield from ast.walk(child)


def _function_names(owner: ast.ClassDef | ast.Module) -> set[str]:
    """Return the names of a module's functions, or of a class's methods except properties."""
    return {
        node.name
        for node in owner.body
        if isinstance(node, FunctionDef)
        and not {"property", "cached_property"}
        & {ast.unparse(each) for each in node.decorator_list}
    }


def _is_function(value: ast.expr, names: set[str]) -> bool:
    """Return whether `value` is a lambda, or a function or method of `self` in `names`."""
    if isinstance(value, ast.Lambda):
        return True
    if isinstance(value, ast.Attribute):
        return ast.unparse(value.value) == "self" and value.attr in names
    return isinstance(value, ast.Name) and value.id in names
