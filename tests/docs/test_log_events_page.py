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
# Makes records itself, because a log cannot log its own losses.
OWN_RECORDS = ROOT / "runtime" / "log_output.py"
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
    paths = [*modules(package), *([PASSES_ON] if package == "runtime" else [])]
    found = {
        (str(event.value), level)
        for path in paths
        for level, event in ((level_of(call), call.args[0]) for call in log_calls(path))
        if isinstance(event, ast.Constant)
    }
    return found | own_records() if package == "runtime" else found


def level_of(call: ast.Call) -> str:
    assert isinstance(call.func, ast.Attribute)
    return OF_METHOD.get(call.func.attr, call.func.attr)


def own_records() -> set[tuple[str, str]]:
    """Return event and level of the records that the log makes itself."""
    calls = re.findall(r'_record\("([^"]+)"', OWN_RECORDS.read_text())
    return {(event, "warning") for event in calls}


def listed(title: str) -> set[tuple[str, str]]:
    """Return event and level of each row of a section; a row may have several levels."""
    rows = ROW.findall(section(section(PAGE, "Log events"), title))
    return {(event, level) for event, levels, *_ in rows for level in re.split(r", | or ", levels)}


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
