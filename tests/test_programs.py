"""Each program says with `--help` and `--version` what it is, and then starts nothing."""

from __future__ import annotations

import json
import re
import subprocess
import sys

import pytest

from api.settings import ApiSettings
from collector.settings import CollectorSettings
from kraken_book import __version__
from kraken_book.commands import COMMANDS
from launcher.settings import LauncherSettings
from runtime.settings import EnvironmentSettings, LogSettings
from tests.program_runner import Run, actions_of
from tests.programs import (
    ROOT,
    SCRIPTS,
    find_console_scripts,
    find_modules_with_main,
    find_programs,
)

PROGRAMS = [
    *((name, []) for name in find_programs()),
    *(("kraken_book", [command]) for command in COMMANDS),
]
IDS = [" ".join([name, *arguments]) for name, arguments in PROGRAMS]
EACH = pytest.mark.parametrize("program", IDS)
SETTINGS: dict[str, type[EnvironmentSettings]] = {
    "api": ApiSettings,
    "collector": CollectorSettings,
    "launcher": LauncherSettings,
    "simulator": LogSettings,
}
VARIABLES = {
    "kraken_book watch": {"KRAKEN_BOOK_URL", "KRAKEN_BOOK_KEY", "HTTPS_PROXY", "SSL_CERT_FILE"},
    "kraken_book tui": {"KRAKEN_BOOK_URL", "KRAKEN_BOOK_KEY", "NO_COLOR", "HTTPS_PROXY"},
    "kraken_book.terminal": {"KRAKEN_BOOK_URL", "KRAKEN_BOOK_KEY", "NO_COLOR", "HTTPS_PROXY"},
    "collector": {"KRAKEN_BOOK_PURE", "HTTPS_PROXY", "NO_PROXY", "SSL_CERT_FILE"},
    "launcher.feed": {"HTTPS_PROXY", "NO_PROXY", "SSL_CERT_FILE"},
    "tools.speedups": {"CC"},
    "lab.cramped_collector": {"CRAMPED_EVENTS"},
    "bench.load.watched_service": {"WATCHED", "WATCHED_FILE"},
}
UNKNOWN = "--no-such-option"
OPTIONS = ("--help", "--version", UNKNOWN)

Runs = dict[tuple[str, str], Run]
pytestmark = pytest.mark.process


@pytest.fixture(scope="module")
def runs() -> Runs:
    """Return the run of each program with each of the options."""
    orders = [(name, [*given, option]) for name, given in PROGRAMS for option in OPTIONS]
    ended = subprocess.run(
        [sys.executable, "-m", "tests.program_runner"],
        cwd=ROOT, input=json.dumps(orders), capture_output=True, text=True, timeout=180, check=True,
    )  # fmt: skip
    answers = [Run(*each) for each in json.loads(ended.stdout)]
    asked = [(program, option) for program in IDS for option in OPTIONS]
    return dict(zip(asked, answers, strict=True))


@EACH
def test_help_says_what_a_program_does_and_names_its_exit_codes(program: str, runs: Runs) -> None:
    run = runs[program, "--help"]
    assert (run.code, run.error, run.actions) == (0, "", [])
    usage, purpose = run.out.split("\n\n")[:2]
    assert usage.startswith(f"usage: {command_of(program)} "), usage
    assert len(purpose) > 20
    assert exit_codes(run.out) >= {"2"}


@EACH
def test_help_names_the_environment_variables_of_a_program(program: str, runs: Runs) -> None:
    text = runs[program, "--help"].out
    for variable in VARIABLES.get(program, ()):
        assert re.search(rf"^  (\w+, )*{variable}\b", text, re.MULTILINE), variable
    if program in SETTINGS:
        for name in SETTINGS[program].model_fields:
            assert f"\n  {name.upper()} (" in text


@EACH
def test_version_is_printed_and_nothing_is_started(program: str, runs: Runs) -> None:
    assert runs[program, "--version"] == Run(0, f"kraken-book {__version__}\n", "", [])


@EACH
def test_unknown_option_is_refused_in_one_line_with_exit_code_2(program: str, runs: Runs) -> None:
    run = runs[program, UNKNOWN]
    assert (run.code, run.out, run.actions) == (2, "", [])
    assert run.error.count("\n") == 1
    assert run.error.endswith("; see --help\n")


def test_every_console_script_is_one_of_these_programs() -> None:
    targets = {target.partition(":")[0] for target in find_console_scripts().values()}
    assert targets <= {f"{program}.__main__" for program in IDS}


def test_scripts_without_help_cannot_run_with_our_packages() -> None:
    assert SCRIPTS.keys() <= set(find_modules_with_main())
    for name in SCRIPTS:
        ended = subprocess.run(
            [sys.executable, "-c", f"import {name}"],
            cwd=ROOT, capture_output=True, text=True, timeout=180, check=False,
        )  # fmt: skip
        assert "ModuleNotFoundError" in ended.stderr


def test_runner_sees_what_a_program_does() -> None:
    assert actions_of("socket.bind", ("socket", ("127.0.0.1", 0)))
    assert actions_of("subprocess.Popen", ("redis-server",))
    assert actions_of("open", ("file", "w", 0o1))
    assert actions_of("open", ("file", None, 0o1))
    assert actions_of("open", ("file", "r", 0)) is None


def command_of(program: str) -> str:
    """Return the command that the help of a program names."""
    if program.startswith("kraken_book"):
        return program.replace("kraken_book.terminal", "kraken-book tui").replace("_", "-")
    return program if program == "simulator" else f"python -m {program}"


def exit_codes(text: str) -> set[str]:
    """Return the exit codes that a help names."""
    block = text.partition("exit codes")[2].partition(":\n")[2].partition("\n\n")[0]
    return set(re.findall(r"^  (\d+) +\S", block, re.MULTILINE))
