"""Settings of the collector: the defaults of docs/settings.md, shards, and errors with the form."""

from __future__ import annotations

import re
from pathlib import Path
from zlib import crc32

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from collector.settings import CollectorSettings, Shard, parse_shard
from runtime.settings import describe_errors


@pytest.fixture(autouse=True)
def _no_settings_of_this_machine(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    for field in CollectorSettings.model_fields:
        monkeypatch.delenv(field.upper(), raising=False)


def settings_of(monkeypatch: pytest.MonkeyPatch, **variables: str) -> CollectorSettings:
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    return CollectorSettings()


def test_defaults_are_the_documented_ones() -> None:
    settings = CollectorSettings()
    assert settings.redis_url == "redis://127.0.0.1:6379/0"
    assert (str(settings.log_level), settings.log_format) == ("info", None)
    assert settings.kraken_url == "wss://ws.kraken.com/v2"
    assert settings.kraken_symbols.names == ("BTC/USD", "ETH/USD", "SOL/USD")
    assert str(settings.kraken_symbols) == "BTC/USD,ETH/USD,SOL/USD"
    assert settings.kraken_depth == 10
    assert settings.kraken_symbols_per_connection == 100
    assert (settings.stream_retention, settings.stream_maxlen) == (300, 20_000)
    assert settings.collector_shard == Shard(0, 1)
    assert settings.collector_lease == 5
    assert settings.collector_port == 9820
    assert settings.followed.source == "kraken"


@pytest.mark.parametrize(
    ("name", "value", "takes"),
    [
        ("KRAKEN_URL", "https://ws.kraken.com/v2", "ws://"),
        ("KRAKEN_URL", "ws.kraken.com", "ws://"),
        ("KRAKEN_URL", "wss://", "ws://"),
        ("KRAKEN_URL", "ws://[::1", "ws://"),
        ("KRAKEN_URL", "ws://localhost:99999", "ws://"),
        ("KRAKEN_URL", "ws://localhost:port", "ws://"),
        ("KRAKEN_SYMBOLS", "BTCUSD", "BTC/USD"),
        ("KRAKEN_SYMBOLS", ",", "at least one symbol"),
        ("KRAKEN_DEPTH", "11", "10, 25, 100, 500, 1000"),
        ("KRAKEN_DEPTH", "ten", "integer"),
        ("KRAKEN_SYMBOLS_PER_CONNECTION", "0", "greater than or equal to 1"),
        ("STREAM_RETENTION", "0", "greater than 0"),
        ("STREAM_RETENTION", "inf", "finite"),
        ("STREAM_RETENTION", "nan", "(finite|greater than 0)"),
        ("STREAM_RETENTION", "5 minutes", "number"),
        ("STREAM_MAXLEN", "1", "greater than or equal to 100"),
        ("COLLECTOR_VENUE", "nowhere", "kraken, coinbase, binance, bitfinex"),
        ("BITFINEX_DEPTH", "500", "10, 25, 100$"),
        ("COLLECTOR_SHARD", "2/2", "i from 0 to n - 1"),
        ("COLLECTOR_SHARD", "1", "such as 0/1"),
        ("COLLECTOR_SHARD", "-1/2", "such as 0/1"),
        ("COLLECTOR_LEASE", "0.1", "greater than or equal to 1"),
        ("COLLECTOR_LEASE", "3600", "less than or equal to 60"),
        ("COLLECTOR_PORT", "0", "greater than or equal to 1"),
        ("COLLECTOR_PORT", "65536", "less than or equal to 65535"),
        ("REDIS_URL", "http://x", "redis://host:port/db"),
        ("LOG_LEVEL", "loud", "debug, info"),
        ("LOG_FORMAT", "xml", "'console' or 'json'"),
    ],
)
def test_error_of_a_wrong_setting_names_it_and_the_right_form(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str, takes: str
) -> None:
    with pytest.raises(ValidationError) as caught:
        settings_of(monkeypatch, **{name: value})
    (line,) = describe_errors(caught.value)
    assert line.startswith(f"{name}={value}: ")
    assert re.search(takes, line), line


def test_errors_of_all_wrong_settings_are_reported_together(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with pytest.raises(ValidationError) as caught:
        settings_of(monkeypatch, KRAKEN_DEPTH="11", COLLECTOR_PORT="x", KRAKEN_SYMBOLS="?")
    lines = describe_errors(caught.value)
    assert {line.partition("=")[0] for line in lines} == {
        "KRAKEN_DEPTH",
        "COLLECTOR_PORT",
        "KRAKEN_SYMBOLS",
    }


@pytest.mark.parametrize(
    ("url", "source"),
    [
        ("wss://ws.kraken.com/v2", "kraken"),
        ("wss://beta-ws.kraken.com/v2", "kraken"),
        ("wss://WS.KRAKEN.COM/v2", "kraken"),
        ("ws://127.0.0.1:8080/v2", "simulated"),
        ("wss://ws.kraken.com.evil.example/v2", "simulated"),
        ("wss://notkraken.com/v2", "simulated"),
    ],
)
def test_source_is_kraken_only_for_krakens_hosts(
    monkeypatch: pytest.MonkeyPatch, url: str, source: str
) -> None:
    assert settings_of(monkeypatch, KRAKEN_URL=url).followed.source == source


def test_each_symbol_belongs_to_one_shard(monkeypatch: pytest.MonkeyPatch) -> None:
    names = [f"X{number}/USD" for number in range(50)]
    shares = [
        [name for name in names if shard.has(name)]
        for shard in (
            settings_of(monkeypatch, COLLECTOR_SHARD=text).collector_shard
            for text in ("0/3", "1/3", "2/3")
        )
    ]
    assert sorted(name for share in shares for name in share) == sorted(names)
    for index, share in enumerate(shares):
        assert all(crc32(symbol.encode()) % 3 == index for symbol in share)


def test_shard_has_the_text_that_it_was_parsed_from() -> None:
    assert str(parse_shard("2/8")) == "2/8"


def test_empty_variable_has_the_default(monkeypatch: pytest.MonkeyPatch) -> None:
    assert settings_of(monkeypatch, KRAKEN_DEPTH="", REDIS_URL="").kraken_depth == 10


def test_env_file_has_values_for_unset_variables(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / ".env").write_text("KRAKEN_DEPTH=25\nCOLLECTOR_PORT=9200\nOTHER=1\n")
    settings = settings_of(monkeypatch, COLLECTOR_PORT="9300")
    assert (settings.kraken_depth, settings.collector_port) == (25, 9300)


@given(st.integers(1, 24), st.integers(1, 24), st.text(max_size=8))
def test_shards_of_one_symbol_overlap_for_any_two_counts(old: int, new: int, symbol: str) -> None:
    (one,) = (Shard(i, old) for i in range(old) if Shard(i, old).has(symbol))
    (other,) = (Shard(i, new) for i in range(new) if Shard(i, new).has(symbol))
    assert one.overlaps(other)
    assert other.overlaps(one)


@pytest.mark.parametrize(
    ("one", "other", "overlaps"),
    [
        ("0/1", "5/8", True),
        ("0/2", "1/2", False),
        ("1/2", "3/4", True),
        ("1/2", "2/4", False),
        ("0/2", "2/3", True),
        ("1/4", "3/6", True),
        ("1/4", "2/6", False),
    ],
)
def test_shards_overlap_if_a_symbol_can_belong_to_both(
    one: str, other: str, overlaps: bool
) -> None:
    assert parse_shard(one).overlaps(parse_shard(other)) is overlaps
    shared = [n for n in range(24) if _has(one, n) and _has(other, n)]
    assert bool(shared) is overlaps


def _has(shard: str, number: int) -> bool:
    index, count = map(int, shard.split("/"))
    return number % count == index
