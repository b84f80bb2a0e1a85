"""The api's settings: the documented defaults, and errors that name variable and valid values."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from pydantic import ValidationError

from api.settings import ApiSettings
from runtime.settings import describe_errors, read_settings


@pytest.fixture(autouse=True)
def _no_settings_of_this_machine(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    for field in ApiSettings.model_fields:
        monkeypatch.delenv(field.upper(), raising=False)


def test_defaults_are_the_documented_ones() -> None:
    settings = ApiSettings()
    assert (settings.api_host, settings.api_port) == ("127.0.0.1", 3000)
    assert settings.api_max_age == 10
    assert settings.api_write_timeout == 30
    assert settings.api_drain == 5
    # Above the 600 s of the load balancer that keeps idle connections longest.
    assert settings.api_keep_alive == 620
    assert str(settings.api_trusted_proxies) == ""


@pytest.mark.parametrize(
    ("name", "value", "takes"),
    [
        ("API_PORT", "0", "greater than or equal to 1"),
        ("API_PORT", "http", "integer"),
        ("API_PORT", "70000", "less than or equal to 65535"),
        ("API_MAX_AGE", "0", "greater than 0"),
        ("API_MAX_AGE", "-1", "greater than 0"),
        ("API_MAX_AGE", "inf", "finite"),
        ("API_WRITE_TIMEOUT", "soon", "number"),
        ("API_DRAIN", "nan", "(finite|greater than 0)"),
        ("API_KEEP_ALIVE", "0", "greater than 0"),
        ("API_TRUSTED_PROXIES", "*", "'\\*' does not appear .*: expected addresses and networks"),
        ("API_TRUSTED_PROXIES", "10.0.0.1/8", "has host bits set: expected addresses"),
        ("REDIS_URL", "127.0.0.1:6379", "redis://host:port/db"),
    ],
)
def test_invalid_setting_is_named_with_valid_values(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str, takes: str
) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(ValidationError) as caught:
        ApiSettings()
    (line,) = describe_errors(caught.value)
    assert line.startswith(f"{name}={value}: ")
    assert re.search(takes, line), line


def test_value_of_api_jwt_is_in_no_error(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("API_JWT", "a-secret-by-mistake")
    with pytest.raises(SystemExit):
        read_settings(ApiSettings)
    error = capsys.readouterr().err
    assert error.startswith("API_JWT: expected hs256:FILE with a secret")
    assert "mistake" not in error
