"""No program starts on an argument that it does not know, and `--help` explains each."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from api.settings import ApiSettings
from collector.settings import CollectorSettings
from launcher.settings import LauncherSettings
from runtime.command_line import refuse_arguments
from runtime.settings import EnvironmentSettings, describe_fields

ROOT = Path(__file__).parents[2]
PROGRAMS = ["api", "collector", "simulator", "runtime.healthcheck", "tools.chaos"]


def test_no_argument_is_right() -> None:
    refuse_arguments("api", "Serves.", ApiSettings, [])


@pytest.mark.parametrize("settings", [ApiSettings, CollectorSettings, LauncherSettings])
def test_help_has_every_variable_with_its_default_and_what_it_is(
    capsys: pytest.CaptureFixture[str], settings: type[EnvironmentSettings]
) -> None:
    with pytest.raises(SystemExit) as ended:
        refuse_arguments("one", "Does it.", settings, ["--help"])
    assert ended.value.code == 0
    text = capsys.readouterr().out
    assert "Does it." in text
    lines = text.splitlines()
    descriptions = describe_fields(settings)
    assert list(descriptions) == list(settings.model_fields)
    for name, field in settings.model_fields.items():
        default = "unset" if field.default is None else str(field.default)
        at = lines.index(f"  {name.upper()} ({default})")
        assert lines[at + 1].strip() == descriptions[name] != ""


def test_help_shows_typed_defaults_as_they_are_written(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        refuse_arguments("one", "Does it.", CollectorSettings, ["--help"])
    text = capsys.readouterr().out
    assert "  COLLECTOR_SHARD (0/1)\n      this collector's share of the symbols, i/n\n" in text
    assert "  KRAKEN_SYMBOLS (BTC/USD,ETH/USD,SOL/USD)\n      symbols; also" in text
    assert "  LOG_LEVEL (info)\n      least level of what is logged" in text
    assert "  LOG_FORMAT (unset)\n" in text


@pytest.mark.parametrize("argument", ["--port", "-x", "api", "--hel", "\x1b[2J\nforged"])
def test_unknown_argument_is_refused_in_a_line(
    capsys: pytest.CaptureFixture[str], argument: str
) -> None:
    with pytest.raises(SystemExit) as ended:
        refuse_arguments("api", "Serves.", ApiSettings, [argument])
    assert ended.value.code == 2
    error = capsys.readouterr().err
    assert error.startswith("python -m api: unrecognized arguments: ")
    assert error.endswith("\n")
    assert error[:-1].isprintable()


@pytest.mark.process
@pytest.mark.parametrize("program", PROGRAMS)
def test_each_program_explains_itself_and_does_not_start(program: str) -> None:
    # With an environment in which a start would fail.
    ended = subprocess.run(
        [sys.executable, "-m", program, "--help"],
        cwd=ROOT, env={"REDIS_URL": "http://x", "KRAKEN_DEPTH": "27"},
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert (ended.returncode, ended.stderr) == (0, "")
    assert ended.stdout.startswith("usage: ")
