"""The release refuses a wheel whose tag says something else than its content."""

from __future__ import annotations

from pathlib import Path
from zipfile import ZipFile

import pytest

from tools.wheels import EXTENSION, main

LIBRARY = "kraken_book/__init__.py"
PURE = "kraken_book-1.0.0-py3-none-any.whl"
LINUX = "kraken_book-1.0.0-cp311-abi3-manylinux_2_28_x86_64.whl"


def wheel(folder: Path, name: str, *files: str) -> str:
    """Make a wheel with empty files and return its path."""
    with ZipFile(folder / name, "w") as archive:
        for file in (LIBRARY, *files):
            archive.writestr(file, "")
    return str(folder / name)


def test_pure_wheel_and_wheel_with_extension_are_accepted(tmp_path: Path) -> None:
    assert main([wheel(tmp_path, PURE), wheel(tmp_path, LINUX, EXTENSION)]) == 0


@pytest.mark.parametrize(
    ("name", "files", "error"),
    [
        (LINUX, [], f"is for one platform, but does not contain {EXTENSION} alone"),
        (LINUX, [EXTENSION, "x.so"], f"is for one platform, but does not contain {EXTENSION}"),
        ("kraken_book-2.0.0-py3-none-any.whl", [EXTENSION], "is for every platform, but contains"),
        ("kraken_book-1.0.0-cp312-cp312-linux_x86_64.whl", [EXTENSION], "has the tag cp312-cp312"),
        ("kraken_book-1.0.0-py3-none-linux_x86_64.whl", [], "has the tag py3-none-linux_x86_64"),
    ],
)
def test_wheel_whose_tag_and_content_differ_is_refused(
    name: str, files: list[str], error: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([wheel(tmp_path, PURE), wheel(tmp_path, name, *files)]) == 1
    assert f"wheels: {name} {error}" in capsys.readouterr().err


def test_release_without_a_pure_wheel_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([wheel(tmp_path, LINUX, EXTENSION)]) == 1
    assert "no wheel is py3-none-any" in capsys.readouterr().err
