"""`kraken-book`: subcommands, `--help`, `--version`, and extras that are not installed."""

from __future__ import annotations

import subprocess
import sys
import tomllib
from importlib import import_module

import pytest

from kraken_book import __version__
from kraken_book.__main__ import main as package_main
from kraken_book.command_line import main, run_command
from kraken_book.commands import COMMANDS, DEFAULT_COMMAND
from kraken_book.extras import EXTRAS, require_extra
from kraken_book.terminal.__main__ import main as terminal_main
from lab.process import ROOT

# Runs a module as `python -m` does, with some modules as if they were not installed.
WITHOUT_MODULES = """
import runpy, sys
for name in sys.argv.pop(1).split(","):
    sys.modules[name] = None
_, module, *arguments = sys.argv
sys.argv = ["-m", *arguments]
runpy.run_module(module, run_name="__main__", alter_sys=True)
"""
TERMINAL_MESSAGE = "kraken-book tui needs textual: pip install 'kraken-book[terminal]'\n"


def run_python(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, *arguments],
        cwd=ROOT, capture_output=True, text=True, timeout=180, check=False,
    )  # fmt: skip


def run_without(modules: str, module: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    return run_python("-c", WITHOUT_MODULES, modules, module, *arguments)


@pytest.mark.parametrize("name", COMMANDS)
def test_subcommand_has_a_module_that_runs_it_and_one_line_of_help(name: str) -> None:
    command = COMMANDS[name]
    assert callable(import_module(command.module).run)
    assert command.help.isprintable()
    assert command.extra is None or command.extra in EXTRAS


def test_help_lists_every_subcommand_with_its_line(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["--help"])
    assert ended.value.code == 0
    lines = capsys.readouterr().out.splitlines()
    for name, command in COMMANDS.items():
        assert any(line.split(maxsplit=1) == [name, command.help] for line in lines)


@pytest.mark.parametrize("name", COMMANDS)
def test_subcommand_explains_itself(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main([name, "--help"])
    assert ended.value.code == 0
    assert capsys.readouterr().out.startswith(f"usage: kraken-book {name} ")


def test_arguments_without_a_subcommand_are_those_of_watch(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert DEFAULT_COMMAND == "watch"
    for arguments in (["--wait", "x", "BTC/USD"], ["watch", "--wait", "x", "BTC/USD"], []):
        with pytest.raises(SystemExit) as ended:
            main(arguments)
        assert ended.value.code == 2
        assert capsys.readouterr().err.startswith("kraken-book watch: ")


@pytest.mark.parametrize("command", ["watch", "tui"])
def test_misspelt_variable_is_refused_with_the_right_name(
    command: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("KRAKEN_BOOK_KYE", "secret")
    for name in ("KRAKEN_BOOK_SERVICE_HOST", "KRAKEN_BOOK_PORT", "KRAKEN_DEPHT"):
        monkeypatch.setenv(name, "of another program")
    with pytest.raises(SystemExit) as ended:
        main([command, "BTC/USD"])
    assert ended.value.code == 2
    assert capsys.readouterr().err == (
        f"kraken-book {command}: KRAKEN_BOOK_KYE: unknown setting;"
        " did you mean KRAKEN_BOOK_KEY?; see --help\n"
    )


@pytest.mark.parametrize("arguments", [["--version"], ["watch", "--version"], ["tui", "--version"]])
def test_version_is_printed(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(arguments)
    assert ended.value.code == 0
    assert capsys.readouterr().out == f"kraken-book {__version__}\n"


@pytest.mark.process
def test_version_and_help_load_no_http_client() -> None:
    for argument in ("--version", "--help"):
        ended = run_python("-X", "importtime", "-m", "kraken_book", argument)
        assert ended.returncode == 0
        modules = {line.rpartition("|")[2].strip() for line in ended.stderr.splitlines()}
        assert modules.isdisjoint({"httpx", "asyncio", "textual", "importlib.metadata"})


def test_interrupt_while_a_subcommand_loads_is_quiet(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def interrupt(_name: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("kraken_book.command_line.import_module", interrupt)
    assert [package_main(), terminal_main(), run_command("watch", ["BTC/USD"])] == [130] * 3
    assert capsys.readouterr() == ("", "")


@pytest.mark.process
@pytest.mark.parametrize(
    "arguments", [["kraken_book", "tui", "BTC/USD"], ["kraken_book.terminal", "BTC/USD"]]
)
def test_terminal_without_textual_names_its_extra_in_one_line(arguments: list[str]) -> None:
    ended = run_without("textual,rich", *arguments)
    assert (ended.returncode, ended.stdout, ended.stderr) == (2, "", TERMINAL_MESSAGE)


@pytest.mark.process
def test_import_of_terminal_without_textual_names_its_extra() -> None:
    code = "import sys; sys.modules['textual'] = None; import kraken_book.terminal"
    ended = run_python("-c", code)
    assert ended.returncode == 1
    assert ended.stderr.splitlines()[-1].endswith(
        "MissingExtra: kraken_book.terminal needs textual: pip install 'kraken-book[terminal]'"
    )


@pytest.mark.process
@pytest.mark.parametrize("arguments", [["--help"], ["tui", "--version"]])
def test_help_and_version_work_without_textual(arguments: list[str]) -> None:
    ended = run_without("textual,rich", "kraken_book", *arguments)
    assert (ended.returncode, ended.stderr) == (0, "")


@pytest.mark.process
@pytest.mark.parametrize(
    ("program", "module"),
    [
        ("collector", "redis"),
        ("collector", "structlog"),
        ("api", "pydantic_settings"),
        ("api", "starlette"),
        ("simulator", "websockets"),
        ("launcher", "pydantic_settings"),
    ],
)
def test_service_without_a_dependency_names_its_extra_in_one_line(
    program: str, module: str
) -> None:
    ended = run_without(module, program)
    assert (ended.returncode, ended.stdout) == (2, "")
    assert ended.stderr == (
        f"python -m {program} needs {module}:"
        " pip install 'kraken-book[services]' (in a clone: make install)\n"
    )


def test_extras_of_messages_exist() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    extras = project["optional-dependencies"]
    assert "services" in extras
    for extra, modules in EXTRAS.items():
        require_extra("this test", extra)
        for module in modules:
            assert any(line.startswith(module) for line in extras[extra])
