"""Files of tests in several processes: all run once, and failures are reported."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from lab.process import ROOT
from tests.workers import PACKAGE_WORKERS

pytestmark = pytest.mark.process

FILES = {
    "test_good.py": """
        import pytest

        @pytest.fixture(scope="session")
        def held(tmp_path_factory):
            yield
            open("ended", "a").write("x")

        @pytest.mark.parametrize("number", range(5))
        def test_good(held, number):
            pass
        """,
    "test_bad.py": """
        import pytest, warnings

        def test_bad():
            print("printed by the test")
            assert 1 == 2

        def test_skipped():
            pytest.skip("for a reason")

        def test_warns():
            warnings.warn("a warning of a test")
        """,
    "test_dies.py": """
        import os, signal

        def test_before():
            pass

        def test_dies():
            os.kill(os.getpid(), signal.SIGKILL)

        def test_after():
            pass
        """,
}


PACKAGE = {
    "conftest.py": """
        import pytest

        @pytest.fixture(scope="package")
        def shared():
            open("started", "a").write("x")
            yield
        """,
    **{f"test_{number}.py": "def test(shared): pass" for number in range(PACKAGE_WORKERS * 4)},
}


def write_files(folder: Path, files: dict[str, str]) -> None:
    for name, text in files.items():
        (folder / name).write_text(text.replace("\n        ", "\n"))


def run(folder: Path, *arguments: str, workers: int = 3) -> tuple[int, str]:
    write_files(folder, FILES)
    command = [sys.executable, "-m", "pytest", "-p", "tests.workers", "-ra"]
    done = subprocess.run(
        [*command, "--workers", str(workers), "-p", "no:cacheprovider", *arguments],
        cwd=folder,
        env={
            "PYTHONPATH": str(ROOT),
            "PYTHONDONTWRITEBYTECODE": "1",
            "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1",
        },
        capture_output=True,
        text=True,
        check=False,
    )
    return done.returncode, done.stdout + done.stderr


def test_all_files_run_and_the_report_is_as_of_one_process(tmp_path: Path) -> None:
    code, output = run(tmp_path)
    assert code == 1, output
    assert "2 failed, 8 passed, 1 skipped, 1 warning" in output
    assert "FAILED test_bad.py::test_bad - assert 1 == 2" in output
    assert "printed by the test" in output
    assert "SKIPPED [1] test_bad.py:9: for a reason" in output
    assert "UserWarning: a warning of a test" in output
    assert re.search(r"FAILED test_dies.py::test_dies - worker \d ended with SIGKILL", output)
    assert (tmp_path / "ended").read_text() == "x", "the fixture of the session is undone once"


def test_few_workers_run_all_files_of_a_package_and_share_its_fixtures(tmp_path: Path) -> None:
    package = tmp_path / "package"
    package.mkdir()
    write_files(package, {"__init__.py": "", **PACKAGE})
    code, output = run(tmp_path, "package", workers=PACKAGE_WORKERS * 3)
    assert code == 0, output
    assert f"{PACKAGE_WORKERS * 4} passed" in output
    # A worker that starts late may find no file.
    assert 1 <= len((tmp_path / "started").read_text()) <= PACKAGE_WORKERS


def test_rest_of_a_package_runs_if_its_workers_die(tmp_path: Path) -> None:
    package = tmp_path / "package"
    package.mkdir()
    dying = {f"test_a_dies_{number}.py": FILES["test_dies.py"] for number in range(5)}
    write_files(package, {"__init__.py": "", **PACKAGE, **dying})
    code, output = run(tmp_path, "package")
    assert code == 1, output
    assert f"5 failed, {PACKAGE_WORKERS * 4 + 10} passed" in output


def test_run_ends_at_the_first_failure_if_told_to(tmp_path: Path) -> None:
    code, output = run(tmp_path, "-x", "test_bad.py")
    assert code == 1
    assert "stopping after 1 failures" in output
    assert "1 failed" in output


def test_error_of_collection_is_reported(tmp_path: Path) -> None:
    (tmp_path / "test_broken.py").write_text("import nothing_of_that_name\n")
    code, output = run(tmp_path)
    assert code == 2
    assert "nothing_of_that_name" in output
