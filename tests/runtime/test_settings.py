"""Settings from the environment, and the errors of wrong ones."""

from __future__ import annotations

import pytest

from runtime.settings import ServiceSettings, read_settings

pytestmark = pytest.mark.usefixtures("no_settings")


def test_defaults_are_valid() -> None:
    settings = read_settings(ServiceSettings)
    assert settings.redis_url == "redis://127.0.0.1:6379/0"
    assert (str(settings.log_level), settings.log_format) == ("info", None)


def test_each_wrong_setting_is_one_line_and_exit_code_2(
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


def test_wrong_redis_url_is_printed_without_password(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("REDIS_URL", "redis://me:secret@localhost/first")
    with pytest.raises(SystemExit):
        read_settings(ServiceSettings)
    error = capsys.readouterr().err
    assert "REDIS_URL" in error
    assert "secret" not in error


def test_settings_are_frozen() -> None:
    settings = ServiceSettings()
    with pytest.raises(ValueError, match="frozen"):
        settings.log_format = "json"


def test_variable_that_is_not_utf8_is_refused_by_name(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REDIS_URL", "redis://\udce9\x1b[2J")
    with pytest.raises(SystemExit):
        read_settings(ServiceSettings)
    line = r"REDIS_URL=redis://\udce9\x1b[2J: the value must be UTF-8"
    assert capsys.readouterr().err == f"{line}\n"
