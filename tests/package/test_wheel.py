"""Wheel and sdist: what they contain, and how the wheel works in a fresh environment.

The wheel is built twice: with this machine's compiler, if it has one, and without any.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tarfile
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
from tools import speedups

SOURCES = ("pyproject.toml", "setup.py", "README.md", "LICENSE", "MANIFEST.in")
BUILD = (
    "import sys; from setuptools import build_meta;"
    " print(getattr(build_meta, sys.argv[1])(sys.argv[2]))"
)
EXTENSION = "kraken_book/_speedups.abi3.so"
PRINT_EXTENSION = "from kraken_book import speedups; print(speedups.compiled.__file__)"


@dataclass(frozen=True)
class Environment:
    """A virtual environment with the wheel and the library's dependencies, but no extra."""

    folder: Path

    def run(self, *command: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [str(self.folder / "bin" / command[0]), *command[1:]],
            cwd=self.folder, env={}, capture_output=True, text=True, timeout=180, check=False,
        )  # fmt: skip


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Copy the source, because a build writes into its folder."""
    folder = tmp_path_factory.mktemp("source")
    for name in SOURCES:
        shutil.copy(ROOT / name, folder)
    for package in ("kraken_book", "api", "runtime"):
        shutil.copytree(ROOT / package, folder / package)
    return folder


@pytest.fixture(scope="module")
def wheel(source: Path) -> Path:
    """Build the wheel as this machine can, with the extension if there is a compiler."""
    return build("build_wheel", source)


@pytest.fixture(scope="module")
def pure_wheel(source: Path, wheel: Path) -> Path:
    """Build the wheel without a compiler, in the folder in which it was built with one."""
    return build("build_wheel", source, CC="false")


def build(hook: str, source: Path, **variables: str) -> Path:
    """Return the file that a hook of setuptools builds."""
    built = subprocess.run(
        [sys.executable, "-c", BUILD, hook, str(source / "dist")],
        cwd=source, env={**os.environ, **variables},
        capture_output=True, text=True, timeout=180, check=False,
    )  # fmt: skip
    assert built.returncode == 0, built.stderr
    return source / "dist" / built.stdout.splitlines()[-1]


def require_compiler() -> None:
    """Skip the test if this machine cannot compile the extension."""
    missing = speedups.missing_tool()
    if missing is not None:
        pytest.skip(missing)


def library_files() -> set[str]:
    """Return the files of the library without the C sources and what is built from them."""
    return {
        str(path.relative_to(ROOT))
        for path in (ROOT / "kraken_book").rglob("*")
        if path.is_file() and path.suffix not in {".pyc", ".so", ".c", ".h"}
    }


def root_is_pure(wheel: Path) -> bool:
    text = ZipFile(wheel).read(f"kraken_book-{__version__}.dist-info/WHEEL").decode()
    return "Root-Is-Purelib: true\n" in text


@pytest.fixture(scope="module")
def environment(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Environment:
    folder = tmp_path_factory.mktemp("environment")
    venv.create(folder, symlinks=True)
    python = folder / "bin" / "python"
    subprocess.run(
        [sys.executable, "-m", "pip", "--python", str(python), "install", "--quiet",
         "--no-index", "--no-deps", "--no-compile", str(wheel)],
        check=True, timeout=180,
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
def test_wheel_contains_the_whole_library_and_nothing_else(wheel: Path, pure_wheel: Path) -> None:
    info = f"kraken_book-{__version__}.dist-info"
    for each in (wheel, pure_wheel):
        names = set(ZipFile(each).namelist())
        assert {name.partition("/")[0] for name in names} == {"kraken_book", info}
        library = {name for name in names if not name.startswith(info)}
        assert library - {EXTENSION} == library_files()


@pytest.mark.process
def test_wheel_with_extension_is_for_one_platform_and_all_versions(wheel: Path) -> None:
    require_compiler()
    assert EXTENSION in ZipFile(wheel).namelist()
    assert wheel.name.startswith(f"kraken_book-{__version__}-cp311-abi3-")
    assert not root_is_pure(wheel)


@pytest.mark.process
def test_wheel_built_without_a_compiler_is_for_every_platform(pure_wheel: Path) -> None:
    assert EXTENSION not in ZipFile(pure_wheel).namelist()
    assert pure_wheel.name == f"kraken_book-{__version__}-py3-none-any.whl"
    assert root_is_pure(pure_wheel)


@pytest.mark.process
def test_extension_of_the_wheel_is_imported_in_a_fresh_environment(
    environment: Environment,
) -> None:
    require_compiler()
    ended = environment.run("python", "-c", PRINT_EXTENSION)
    assert ended.stderr == ""
    assert Path(ended.stdout.strip()).is_relative_to(environment.folder)


@pytest.mark.process
def test_sdist_contains_the_c_sources_and_nothing_built(source: Path) -> None:
    (source / EXTENSION).touch()
    with tarfile.open(build("build_sdist", source)) as sdist:
        names = {name.partition("/")[2] for name in sdist.getnames()}
    sources = {str(path.relative_to(ROOT)) for path in (ROOT / "kraken_book/c").glob("*.[ch]")}
    assert {"setup.py", *sources, *library_files()} <= names
    assert EXTENSION not in names


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


TYPED_PROGRAM = """
from decimal import Decimal

from kraken_book import AsyncClient, FrozenBook, LiveBook, Watch, get_book, watch

async def follow(client: AsyncClient, books: Watch) -> Decimal | None:
    async for book in books:
        price, qty = book.bids[0]
        first: FrozenBook = (await client.get_books("*"))[price]
        return first.cost("buy", qty).average or book.mid
    return None

for live in watch("http://localhost:3000", "BTC/USD", timeout=5.0):
    checked: LiveBook = live
get_book("http://localhost:3000", 5)
live.cost("bid", 1)
"""


@pytest.mark.process
def test_wheel_is_typed_for_programs_that_use_it(environment: Environment, tmp_path: Path) -> None:
    (tmp_path / "program.py").write_text(TYPED_PROGRAM)
    python = str(environment.folder / "bin" / "python")
    ended = subprocess.run(
        [sys.executable, "-m", "mypy", "--strict", "--python-executable", python, "program.py"],
        cwd=tmp_path, capture_output=True, text=True, timeout=180, check=False,
    )  # fmt: skip
    faults = [line.partition(": error: ")[2] for line in ended.stdout.splitlines()[:-1]]
    assert [fault.rpartition("[")[2] for fault in faults] == ["arg-type]"] * 2, ended.stdout
    assert 'Argument 2 to "get_book"' in faults[0]
    assert 'Argument 1 to "cost"' in faults[1]


def test_sdist_lists_every_folder_of_the_source() -> None:
    grafted = set(re.findall(r"^graft (\S+)$", (ROOT / "MANIFEST.in").read_text(), re.MULTILINE))
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text())
    assert set(settings["tool"]["mypy"]["packages"]) | {"docs", "deploy", ".ci"} <= grafted
    assert all((ROOT / folder).is_dir() for folder in grafted)
