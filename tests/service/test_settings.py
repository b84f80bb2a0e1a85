"""Settings: read once, and wrong ones end the process with a line for each."""

from __future__ import annotations

from pathlib import Path

import pytest

from service.settings import ServiceSettings, read_settings


@pytest.fixture(autouse=True)
def _no_settings_of_this_machine(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    for field in ServiceSettings.model_fields:
        monkeypatch.delenv(field.upper(), raising=False)


def test_the_defaults_run_as_they_are() -> None:
    settings = read_settings(ServiceSettings)
    assert settings.redis_url == "redis://127.0.0.1:6379/0"
    assert (settings.log_level, settings.log_format) == ("info", None)


def test_wrong_ones_end_the_process_with_a_line_for_each(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("REDIS_URL", "http://localhost")
    monkeypatch.setenv("LOG_LEVEL", "loud")
    with pytest.raises(SystemExit) as caught:
        read_settings(ServiceSettings)
    assert caught.value.code == 2
    lines = capsys.readouterr().err.splitlines()
    assert [line.partition("=")[0] for line in lines] == ["REDIS_URL", "LOG_LEVEL"]
    assert "redis://host:port/db" in lines[0]
    assert "use one of debug, info, warning, error, critical" in lines[1]


def test_a_wrong_redis_url_does_not_print_its_password(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("REDIS_URL", "redis://me:secret@localhost/first")
    with pytest.raises(SystemExit):
        read_settings(ServiceSettings)
    said = capsys.readouterr().err
    assert "REDIS_URL" in said
    assert "secret" not in said


def test_settings_do_not_change() -> None:
    settings = ServiceSettings()
    with pytest.raises(ValueError, match="frozen"):
        settings.log_level = "debug"
