"""Misspelt settings are refused by name, and variables of other programs are not."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from api.settings import ApiSettings
from collector.settings import CollectorSettings
from launcher.settings import LauncherSettings
from runtime.setting_names import OTHER_NAMES, find_unknown_settings, known_names
from runtime.settings import EnvironmentSettings, LogSettings, read_settings

ROOT = Path(__file__).parents[2]
CLASSES = (ApiSettings, CollectorSettings, LauncherSettings)
SOURCES = ("*.py", "*.yml", "*.yaml", "Makefile", "Dockerfile")

MISSPELT = {
    "KRAKEN_DEPHT": "KRAKEN_DEPTH",
    "KRAKEN_DEPT": "KRAKEN_DEPTH",
    "kraken_depht": "KRAKEN_DEPTH",
    "KARKEN_DEPTH": "KRAKEN_DEPTH",
    "KRAKENDEPTH": "KRAKEN_DEPTH",
    "KRAKEN_SYMBOL": "KRAKEN_SYMBOLS",
    "COLECTOR_PORT": "COLLECTOR_PORT",
    "STREAM_MAX_LEN": "STREAM_MAXLEN",
    "API_PROT": "API_PORT",
    "API_TRUSTED_PROXY": "API_TRUSTED_PROXIES",
    "APIPORT": "API_PORT",
    "REDIS_URI": "REDIS_URL",
    "LOG_LEVLE": "LOG_LEVEL",
    "LOG_FROMAT": "LOG_FORMAT",
    "KRAKEN_BOOK_PRUE": "KRAKEN_BOOK_PURE",
    "KRAKEN_BOOK_ULR": "KRAKEN_BOOK_URL",
}
OTHERS = {
    "API_BASE_URL": "https://api.example.com", "API_KEY": "k", "API_TOKEN": "t", "API_URL": "u",
    "APP_PORT": "1", "APP_HOST": "a", "LOG_DIR": "/var/log", "LOG_FILE": "x", "REDIS_HOST": "r",
    "REDIS_PASSWORD": "secret", "REDIS_PORT": "6379", "REDIS_DB": "0", "REDIS_TLS_URL": "rediss://x",
    "KRAKEN_API_KEY": "k", "KRAKEN_API_SECRET": "s", "KRAKEN_WS_URL": "wss://x", "STREAM_NAME": "s",
    "FEEDS": "1", "SEED": "1", "PORT": "80", "HOST": "h", "PATH": "/bin", "HOME": "/root",
    "HTTP_PORT": "3000", "REDIS_MAXMEMORY": "1gb", "REDIS_MEMORY_LIMIT": "2g",
    "API_STOP_GRACE_PERIOD": "10s", "SIMULATOR_OPTIONS": "--rate 1", "SITE_HOST": "x",
    "API_PORT": "tcp://10.0.0.1:3000", "API_PORT_3000_TCP": "tcp://10.0.0.1:3000",
    "API_PORT_3000_TCP_PROTO": "tcp", "API_PORT_3000_TCP_ADDR": "10.0.0.1",
    "API_SERVICE_HOST": "10.0.0.1", "API_SERVICE_PORT": "3000", "API_SERVICE_PORT_HTTP": "3000",
    "API_1_PORT": "tcp://172.17.0.2:3000", "COLLECTOR_PORT_9820_TCP_PORT": "9820",
    "COLLECTOR_SERVICE_HOST": "10.0.0.1", "COLLECTOR_ENV_PATH": "/bin",
    "KRAKEN_BOOK_SERVICE_HOST": "10.0.0.1", "KRAKEN_BOOK_PORT": "tcp://10.0.0.1:80",
    "KRAKEN_BOOK_API_SERVICE_PORT_HTTP": "80", "KRAKEN_BOOK_REDIS_PORT_6379_TCP": "tcp://10.0.0.1:1",
}  # fmt: skip


@pytest.mark.parametrize(("given", "meant"), MISSPELT.items())
def test_misspelt_setting_is_answered_with_the_right_name(given: str, meant: str) -> None:
    line = f"{given}: unknown setting; did you mean {meant}?"
    assert find_unknown_settings({given: "secret", "PATH": "/bin"}) == [line]


@pytest.mark.parametrize("name", OTHERS)
def test_variable_of_another_program_is_accepted(name: str) -> None:
    assert find_unknown_settings({name: OTHERS[name]}) == []


def test_unknown_variable_with_a_prefix_of_ours_is_refused_with_the_known_ones() -> None:
    (line,) = find_unknown_settings({"COLLECTOR_VERBOSITY": "9"})
    assert line == (
        "COLLECTOR_VERBOSITY: unknown setting; those with this beginning are"
        " COLLECTOR_HOST, COLLECTOR_LEASE, COLLECTOR_PORT, COLLECTOR_SHARD,"
        " COLLECTOR_TAPE, COLLECTOR_TAPE_MAX_DAYS, COLLECTOR_TAPE_MAX_GB, COLLECTOR_VENUE"
    )


def test_empty_variable_is_ignored_as_if_unset() -> None:
    assert find_unknown_settings({"KRAKEN_DEPHT": "", "KRAKEN_DEPT": None}) == []


def test_known_names_are_all_settings_of_all_programs_and_the_other_names() -> None:
    fields = {name.upper() for kind in CLASSES for name in kind.model_fields}
    assert known_names() == fields | OTHER_NAMES


def test_other_names_are_all_variables_with_our_prefix_in_the_source() -> None:
    # URL_VARIABLE = "KRAKEN_BOOK_URL", os.environ.get("KRAKEN_BOOK_URL"), ${KRAKEN_BOOK_IMAGE:-…}
    used = re.compile(r'(?:environ(?:\.get\(|\[)"|= "|\$\{)(KRAKEN_BOOK_[A-Z_]*[A-Z])')
    found = {
        name
        for pattern in SOURCES
        for path in ROOT.glob(f"**/{pattern}")
        if not path.relative_to(ROOT).parts[0].startswith((".", "build"))
        for name in used.findall(path.read_text())
    }
    assert found == OTHER_NAMES


def test_no_setting_of_ours_is_taken_for_a_misspelt_one() -> None:
    assert find_unknown_settings(dict.fromkeys(known_names(), "1")) == []


@pytest.mark.usefixtures("no_settings")
@pytest.mark.parametrize("kind", [ApiSettings, CollectorSettings, LauncherSettings, LogSettings])
def test_each_program_refuses_misspelt_settings_of_all_from_environment_and_file(
    kind: type[EnvironmentSettings],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("API_PROT", "secret")
    Path(".env").write_text("\ufeffKRAKEN_DEPHT=secret\nLOG_LEVEL=loud\n", "utf-8")
    with pytest.raises(SystemExit) as ended:
        read_settings(kind)
    assert ended.value.code == 2
    lines = capsys.readouterr().err.splitlines()
    assert lines[:2] == [
        "API_PROT: unknown setting; did you mean API_PORT?",
        "KRAKEN_DEPHT: unknown setting; did you mean KRAKEN_DEPTH?",
    ]
    assert [line.partition("=")[0] for line in lines[2:]] == (
        ["LOG_LEVEL"] if "log_level" in kind.model_fields else []
    )


@pytest.mark.usefixtures("no_settings")
def test_port_that_kubernetes_sets_for_a_service_counts_as_unset(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("API_PORT", "tcp://10.96.7.1:3000")
    settings = read_settings(ApiSettings)
    assert settings.api_port == ApiSettings.model_fields["api_port"].default
    assert not settings.is_given("api_port")


@pytest.mark.usefixtures("no_settings")
def test_other_settings_are_not_ignored_for_such_a_value(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REDIS_URL", "tcp://10.96.7.1:6379")
    with pytest.raises(SystemExit):
        read_settings(ApiSettings)
