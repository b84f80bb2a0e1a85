"""Renamed and removed settings: accepted by the old name for a while, and said at the start."""

from __future__ import annotations

import pytest

from runtime.retired_settings import RETIRED, RetiredSetting, describe_retired
from runtime.setting_names import find_unknown_settings, known_names
from runtime.settings import SETTINGS_VERSION, ServiceSettings, read_settings

pytestmark = pytest.mark.usefixtures("no_settings")

OLD = {
    "LOG_STYLE": RetiredSetting("LOG_FORMAT", "9.0.0"),
    "COLLECTOR_GONE": RetiredSetting(None, "9.0.0"),
}


def test_old_name_sets_the_new_setting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LOG_STYLE", "json")
    settings = read_settings(ServiceSettings, OLD)
    assert settings.log_format == "json"
    assert settings.is_given("log_format")


def test_new_name_precedes_the_old_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LOG_STYLE", "json")
    monkeypatch.setenv("LOG_FORMAT", "console")
    assert read_settings(ServiceSettings, OLD).log_format == "console"


def test_wrong_value_of_an_old_name_is_refused(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("LOG_STYLE", "loud")
    with pytest.raises(SystemExit):
        read_settings(ServiceSettings, OLD)
    assert capsys.readouterr().err.startswith("LOG_FORMAT=loud: ")


def test_removed_setting_is_ignored_until_its_entry_is_deleted() -> None:
    assert find_unknown_settings({"COLLECTOR_GONE": "1"}, OLD) == []
    assert find_unknown_settings({"COLLECTOR_GONE": "1"}, {}) != []


def test_line_names_old_and_new_setting_without_the_value() -> None:
    given = {"log_style": "secret", "COLLECTOR_GONE": "secret", "LOG_FORMAT": "", "PATH": "/bin"}
    assert describe_retired(given, OLD) == [
        {"setting": "COLLECTOR_GONE", "until": "9.0.0", "advice": "remove it, it has no effect"},
        {"setting": "LOG_STYLE", "until": "9.0.0", "advice": "use LOG_FORMAT"},
    ]


def test_retired_names_are_not_settings_and_their_successors_are() -> None:
    assert not known_names() & RETIRED.keys()
    assert {each.new for each in RETIRED.values() if each.new} <= known_names()


def test_settings_of_a_newer_version_are_refused(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("KRAKEN_BOOK_SETTINGS", str(SETTINGS_VERSION))
    read_settings(ServiceSettings)
    monkeypatch.setenv("KRAKEN_BOOK_SETTINGS", str(SETTINGS_VERSION + 1))
    with pytest.raises(SystemExit) as caught:
        read_settings(ServiceSettings)
    assert caught.value.code == 2
    assert "these settings are for a newer release" in capsys.readouterr().err
