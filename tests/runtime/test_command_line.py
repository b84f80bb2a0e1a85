"""Command lines: `--help` and refused arguments."""

from __future__ import annotations

import pytest

from api.settings import ApiSettings
from collector.settings import CollectorSettings
from launcher.settings import LauncherSettings
from runtime.command_line import refuse_arguments
from runtime.settings import EnvironmentSettings, describe_fields


def test_empty_command_line_is_accepted() -> None:
    refuse_arguments("api", "Serves.", ApiSettings, [])


@pytest.mark.parametrize("settings", [ApiSettings, CollectorSettings, LauncherSettings])
def test_help_lists_every_variable_with_default_and_description(
    capsys: pytest.CaptureFixture[str], settings: type[EnvironmentSettings]
) -> None:
    with pytest.raises(SystemExit) as ended:
        refuse_arguments("one", "Purpose.", settings, ["--help"])
    assert ended.value.code == 0
    text = capsys.readouterr().out
    assert "Purpose." in text
    lines = text.splitlines()
    descriptions = describe_fields(settings)
    assert list(descriptions) == list(settings.model_fields)
    for name, field in settings.model_fields.items():
        default = "unset" if field.default is None else str(field.default) or "unset"
        index = lines.index(f"  {name.upper()} ({default})")
        assert lines[index + 1].strip() == descriptions[name] != ""


def test_help_shows_typed_defaults_as_text(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        refuse_arguments("one", "Purpose.", CollectorSettings, ["--help"])
    text = capsys.readouterr().out
    assert "  COLLECTOR_SHARD (0/1)\n      this collector's share of the symbols, i/n\n" in text
    assert "  KRAKEN_SYMBOLS (BTC/USD,ETH/USD,SOL/USD)\n      symbols; also" in text
    assert "  LOG_LEVEL (info)\n      lowest level to log" in text
    assert "  LOG_FORMAT (unset)\n" in text


@pytest.mark.parametrize("argument", ["--port", "-x", "api", "--hel", "\x1b[2J\nforged"])
def test_unknown_argument_is_refused_in_one_printable_line(
    capsys: pytest.CaptureFixture[str], argument: str
) -> None:
    with pytest.raises(SystemExit) as ended:
        refuse_arguments("api", "Serves.", ApiSettings, [argument])
    assert ended.value.code == 2
    error = capsys.readouterr().err
    assert error.startswith("python -m api: unrecognized arguments: ")
    assert error.endswith("\n")
    assert error[:-1].isprintable()
