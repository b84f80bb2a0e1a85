"""The settings of a run."""

from __future__ import annotations

from pathlib import Path

import pytest

from launcher.settings import read_run_settings

pytestmark = pytest.mark.usefixtures("no_settings")


def test_settings_from_env_file_are_given_and_defaults_are_not(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("REDIS_URL", "")
    Path(".env").write_text("COLLECTOR_PORT=9820\n")
    settings = read_run_settings()
    assert settings.collector.is_given("collector_port")
    assert not settings.api.is_given("api_port")
    assert settings.redis_url is None, "an empty variable counts as not set"


def test_redis_url_of_environment_is_used(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REDIS_URL", "redis://h:1/0")
    assert read_run_settings().redis_url == "redis://h:1/0"


def test_wrong_setting_of_service_ends_launcher(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("API_MAX_AGE", "-1")
    with pytest.raises(SystemExit):
        read_run_settings()
    assert capsys.readouterr().err.startswith("API_MAX_AGE=-1: ")
