"""Other programs read our exports, and have the published book after every event."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from kraken_book.command_line import main
from kraken_book.recording.recorded import RecordedEvent
from tests.kraken_book.recording.kraken_events import books_of, hard_events, kraken_events
from tests.kraken_book.recording.made import write_file

pytestmark = pytest.mark.process

PYTHON = Path(__file__).parents[4] / ".venv-readers" / "bin" / "python"
SCRIPTS = Path(__file__).with_name("readers")
# Imports and compilers of these programs take some seconds.
TIMEOUT = 110

RECORDINGS: dict[str, Callable[[], list[RecordedEvent]]] = {
    "real": kraken_events,
    "hard": hard_events,
}


def require(package: str) -> None:
    """Skip the test if a package is not in the venv of the readers."""
    found = (
        PYTHON.exists()
        and not subprocess.run(
            [
                PYTHON,
                "-c",
                f"import importlib.util as u, sys; sys.exit(not u.find_spec('{package}'))",
            ],
            check=False,
        ).returncode
    )
    if not found:
        pytest.skip(f"{package} is not in .venv-readers: make readers")


def export(root: Path, form: str, events: list[RecordedEvent]) -> Path:
    write_file(root / "rec", events)
    assert main(["export", "--format", form, str(root / "rec"), str(root / "out")]) == 0
    (path,) = (root / "out").iterdir()
    return path


def books_by(script: str, paths: dict[Path, str]) -> list[list[dict[str, dict[float, float]]]]:
    """Return the books that a reader has after each event of the recordings of some files."""
    request = [
        [str(path), [at * 1000 for at, _ in books_of(RECORDINGS[name]())]]
        for path, name in paths.items()
    ]
    result = subprocess.run(
        [PYTHON, SCRIPTS / script],
        input=json.dumps(request), capture_output=True, text=True, timeout=TIMEOUT, check=False,
    )  # fmt: skip
    assert result.returncode == 0, result.stderr
    books: list[list[Any]] = json.loads(result.stdout.splitlines()[-1])
    return [
        [{side: dict(map(tuple, levels)) for side, levels in book.items()} for book in of_file]
        for of_file in books
    ]


def check(script: str, forms: list[str], tmp_path: Path) -> None:
    paths = {
        export(tmp_path / form / name, form, events()): name
        for form in forms
        for name, events in RECORDINGS.items()
    }
    found = books_by(script, paths)
    for (path, name), books in zip(paths.items(), found, strict=True):
        expected = [book for _, book in books_of(RECORDINGS[name]())]
        assert books == expected, path.name


def test_hftbacktest_has_our_book_after_each_event_of_csv_and_npz(tmp_path: Path) -> None:
    require("hftbacktest")
    check("hftbacktest_books.py", ["tardis", "hftbacktest"], tmp_path)


def test_nautilus_has_our_book_after_each_event_of_csv(tmp_path: Path) -> None:
    require("nautilus_trader")
    check("nautilus_books.py", ["tardis"], tmp_path)
