"""What guard tests of libraries' undocumented parts share: versions, and one clear sentence."""

from __future__ import annotations

import re
import tomllib
from importlib.metadata import version
from pathlib import Path

ROOT = Path(__file__).parents[1]


def changed(library: str, what: str) -> str:
    """Return the sentence that says what to do about a change."""
    return (
        f"{library} {version(library)} has changed inside: {what}."
        f" Adapt the {library} internals module, or lower the bound in pyproject.toml."
    )


def checked_range(library: str) -> tuple[str, str]:
    """Return the lowest version of a library in pyproject.toml, and the first above its range."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    extras = [line for lines in project["optional-dependencies"].values() for line in lines]
    for requirement in [*project["dependencies"], *extras]:
        match = re.fullmatch(rf"{library}(\[\w+\])?>=([\d.]+),<([\d.]+)", requirement)
        if match is not None:
            return match[2], match[3]
    raise AssertionError(f"pyproject.toml has no range >=…,<… of {library}")


def require_checked_version(library: str, module: str | None = None) -> None:
    """Fail if the installed version is outside of the range that was checked.

    `module` is the file that uses the library's internals; its docstring names the same range.
    """
    low, high = checked_range(library)
    installed = version(library)
    assert _parts(low) <= _parts(installed) < _parts(high), (
        f"{library} {installed} is installed, but its internals are used and were checked from"
        f" {low} to below {high} only: run this file, then move the range in pyproject.toml."
    )
    if module is None:
        return
    text = (ROOT / module).read_text()
    assert f"{library} {low} " in text, f"{module} names another range than pyproject.toml"


def _parts(text: str) -> tuple[int, ...]:
    return tuple(int(part) for part in re.findall(r"\d+", text)[:3])
