"""The wheel: what it contains, and how it works in a fresh environment without extras."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import tomllib
import venv
from dataclasses import dataclass
from importlib.metadata import distribution
from pathlib import Path
from zipfile import ZipFile

import pytest
from packaging.requirements import Requirement

from kraken_book import __version__
from lab.process import ROOT

SOURCES = ("pyproject.toml", "README.md", "LICENSE", "MANIFEST.in")
BUILD = "import sys; from setuptools import build_meta; print(build_meta.build_wheel(sys.argv[1]))"


@dataclass(frozen=True)
class Environment:
    """A virtual environment with the wheel and the library's dependencies, but no extra."""

    folder: Path

    def run(self, *command: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [str(self.folder / "bin" / command[0]), *command[1:]],
            cwd=self.folder, env={}, capture_output=True, text=True, timeout=60, check=False,
        )  # fmt: skip


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Build the wheel from a copy of the source, because a build writes into its folder."""
    source = tmp_path_factory.mktemp("source")
    for name in SOURCES:
        shutil.copy(ROOT / name, source)
    for package in ("kraken_book", "api", "runtime"):
        shutil.copytree(ROOT / package, source / package)
    built = subprocess.run(
        [sys.executable, "-c", BUILD, str(source / "dist")],
        cwd=source, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert built.returncode == 0, built.stderr
    return source / "dist" / built.stdout.splitlines()[-1]


@pytest.fixture(scope="module")
def environment(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Environment:
    folder = tmp_path_factory.mktemp("environment")
    venv.create(folder, symlinks=True)
    python = folder / "bin" / "python"
    subprocess.run(
        [sys.executable, "-m", "pip", "--python", str(python), "install", "--quiet",
         "--no-index", "--no-deps", "--no-compile", str(wheel)],
        check=True, timeout=60,
    )  # fmt: skip
    (packages,) = folder.glob("lib/python*/site-packages")
    for name in dependencies():
        link_distribution(name, packages)
    return Environment(folder)


def dependencies() -> set[str]:
    """Return the names of all distributions that the library needs without an extra."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    found: set[str] = set()
    waiting = [Requirement(line) for line in project["dependencies"]]
    while waiting:
        requirement = waiting.pop()
        is_needed = requirement.marker is None or requirement.marker.evaluate({"extra": ""})
        if is_needed and requirement.name not in found:
            found.add(requirement.name)
            requires = distribution(requirement.name).requires or []
            waiting += [Requirement(line) for line in requires]
    return found


def link_distribution(name: str, folder: Path) -> None:
    """Link the top-level files of an installed distribution; no network is needed."""
    installed = distribution(name)
    for top in {path.parts[0] for path in installed.files or () if path.parts[0] != ".."}:
        (folder / top).symlink_to(Path(str(installed.locate_file(top))))


@pytest.mark.process
def test_wheel_contains_the_whole_library_and_nothing_else(wheel: Path) -> None:
    names = set(ZipFile(wheel).namelist())
    info = f"kraken_book-{__version__}.dist-info"
    assert {name.partition("/")[0] for name in names} == {"kraken_book", info}
    package = ROOT / "kraken_book"
    expected = {
        str(path.relative_to(ROOT))
        for path in package.rglob("*")
        if path.is_file() and path.suffix != ".pyc"
    }
    assert {name for name in names if not name.startswith(info)} == expected


@pytest.mark.process
def test_installed_program_prints_its_version(environment: Environment) -> None:
    ended = environment.run("kraken-book", "--version")
    assert (ended.returncode, ended.stdout, ended.stderr) == (0, f"kraken-book {__version__}\n", "")


@pytest.mark.process
def test_installed_program_lists_its_subcommands(environment: Environment) -> None:
    ended = environment.run("kraken-book", "--help")
    assert (ended.returncode, ended.stderr) == (0, "")
    assert re.search(r"^  watch .*\n  tui ", ended.stdout, re.MULTILINE)


@pytest.mark.process
def test_installed_program_without_extra_names_it(environment: Environment) -> None:
    for command in (["kraken-book", "tui"], ["python", "-m", "kraken_book.terminal"]):
        ended = environment.run(*command)
        assert (ended.returncode, ended.stdout) == (2, "")
        assert ended.stderr == (
            "kraken-book tui needs textual: pip install 'kraken-book[terminal]'\n"
        )


@pytest.mark.process
def test_installed_client_runs_without_extras(environment: Environment) -> None:
    ended = environment.run("kraken-book", "--url", "localhost:1", "BTC/USD")
    assert (ended.returncode, ended.stdout) == (2, "")
    assert "'localhost:1' is not the URL of an api" in ended.stderr


def test_sdist_lists_every_folder_of_the_source() -> None:
    grafted = set(re.findall(r"^graft (\S+)$", (ROOT / "MANIFEST.in").read_text(), re.MULTILINE))
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text())
    assert set(settings["tool"]["mypy"]["packages"]) | {"docs", "deploy", ".ci"} <= grafted
    assert all((ROOT / folder).is_dir() for folder in grafted)
