"""`make venues` writes what files repeat of each venue, and nothing is left for it to write."""

from __future__ import annotations

from pathlib import Path

import pytest

from tools.venue_files import COMPOSE, ROOT, SETTINGS, WALLS, NoPlaceError, main, written


def copied(root: Path) -> Path:
    """Return a folder with the files of the project that the tool reads."""
    for name in (SETTINGS, COMPOSE, WALLS):
        (root / name).parent.mkdir(exist_ok=True)
        (root / name).write_text((ROOT / name).read_text())
    for protocol in ROOT.glob("simulator/protocols/*/protocol.py"):
        add_simulator(root, protocol.parent.name)
    return root


def add_simulator(root: Path, venue: str) -> None:
    folder = root / "simulator/protocols" / venue
    folder.mkdir(parents=True)
    (folder / "protocol.py").touch()


def test_files_have_what_make_venues_writes(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--check"]) == 0, capsys.readouterr().out


def test_lines_that_were_removed_by_hand_are_written_again(tmp_path: Path) -> None:
    root = copied(tmp_path)
    right = written(root)
    for name in (SETTINGS, COMPOSE):
        lines = (root / name).read_text().splitlines(keepends=True)
        (root / name).write_text("".join(each for each in lines if "BINANCE_DEPTH" not in each))
    assert written(root) == right


def test_new_simulator_is_kept_apart_from_the_others(tmp_path: Path) -> None:
    root = copied(tmp_path)
    add_simulator(root, "nowhere")
    before, after = (root / WALLS).read_text(), written(root)[WALLS]
    assert set(after.splitlines()) - set(before.splitlines()) == {
        '    "simulator.protocols.nowhere",'
    }


def test_file_without_the_place_of_the_venues_is_an_error_that_names_it(tmp_path: Path) -> None:
    root = copied(tmp_path)
    (root / COMPOSE).write_text("services: {}\n")
    with pytest.raises(NoPlaceError, match=r"docker-compose.yml: .*Written by `make venues`"):
        written(root)
