"""docs/operations.md lists each log event of the services with its level, and no other."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from lab.process import ROOT
from tests.docs.markdown import DOCS, section

PAGE = (DOCS / "operations.md").read_text()
SECTIONS = {
    "Every service": "runtime",
    "Collector": "collector",
    "Api": "api",
    "Simulator": "simulator",
    "Python client": "kraken_book",
}
PACKAGES = (*SECTIONS.values(), "launcher")
LEVELS = {"debug", "info", "warning", "error", "exception", "critical"}
OF_METHOD = {"exception": "error"}
LOGGERS = {"log", "logger"}
# Passes on the events of others.
PASSES_ON = ROOT / "runtime" / "limited_log.py"
# | `redis is back` | info | … | nothing |
ROW = re.compile(r"^\| `([^`]+)` \| ([\w, ]+) \| ([^|]+) \| ([^|]+) \|$", re.MULTILINE)


def log_calls(path: Path) -> Iterator[ast.Call]:
    """Yield the calls of a module that log."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            receiver = node.func.value
            if isinstance(receiver, ast.Call):  # log.bind(…).info(…)
                receiver = receiver.func
                receiver = receiver.value if isinstance(receiver, ast.Attribute) else receiver
            if isinstance(receiver, ast.Name | ast.Attribute):
                name = receiver.id if isinstance(receiver, ast.Name) else receiver.attr
                is_logger = name.strip("_") in LOGGERS or name.endswith("_log")
                if node.func.attr in LEVELS and is_logger:
                    yield node


def modules(package: str) -> list[Path]:
    return [path for path in sorted((ROOT / package).rglob("*.py")) if path != PASSES_ON]


def logged(package: str) -> set[tuple[str, str]]:
    """Return event and level of each call of a package."""
    return {
        (call.args[0].value, OF_METHOD.get(call.func.attr, call.func.attr))
        for path in [*modules(package), *([PASSES_ON] if package == "runtime" else [])]
        for call in log_calls(path)
        if isinstance(call.func, ast.Attribute)
        if call.args and isinstance(call.args[0], ast.Constant)
        if isinstance(call.args[0].value, str)
    }


def listed(title: str) -> set[tuple[str, str]]:
    """Return event and level of each row of a section; a row may have several levels."""
    rows = ROW.findall(section(section(PAGE, "Log events"), title))
    return {(event, level.strip()) for event, levels, *_ in rows for level in levels.split(",")}


@pytest.mark.parametrize("package", PACKAGES)
def test_event_of_each_log_call_is_a_literal(package: str) -> None:
    others = [
        f"{path.relative_to(ROOT)}:{call.lineno}: {ast.unparse(call)}"
        for path in modules(package)
        for call in log_calls(path)
        if not call.args
        or not isinstance(call.args[0], ast.Constant)
        or not isinstance(call.args[0].value, str)
    ]
    assert others == []


@pytest.mark.parametrize(("title", "package"), SECTIONS.items())
def test_section_lists_each_log_event_of_its_package(title: str, package: str) -> None:
    code, page = logged(package), listed(title)
    assert {"missing": code - page, "unknown": page - code} == {"missing": set(), "unknown": set()}


def test_launcher_logs_no_event() -> None:
    assert logged("launcher") == set()


@pytest.mark.parametrize("title", SECTIONS)
def test_row_of_each_log_event_has_a_meaning_and_a_reaction(title: str) -> None:
    rows = ROW.findall(section(section(PAGE, "Log events"), title))
    assert [row[0] for row in rows if not (row[2].strip() and row[3].strip())] == []
