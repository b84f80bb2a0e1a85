"""Corrupt keys are logged once each, with the command that repairs them."""

from __future__ import annotations

import shlex
import subprocess

import pytest
from prometheus_client import REGISTRY
from structlog.testing import capture_logs

from api.store.corrupt_keys import CorruptKeys

KEY = "kraken:book:{BTC/USD}"


def counted() -> float | None:
    return REGISTRY.get_sample_value("kraken_book_known_corrupt_keys")


def test_corrupt_key_is_logged_once_with_its_repair_and_counted() -> None:
    corrupt = CorruptKeys()
    with capture_logs() as logs:
        for _ in range(100):
            corrupt.record(KEY, "seq cannot be 'x'", "DEL", KEY)
    (line,) = logs
    assert (line["log_level"], line["event"]) == ("error", "corrupt redis key")
    assert (line["key"], line["error"]) == (KEY, "seq cannot be 'x'")
    assert shlex.split(line["repair"]) == ["redis-cli", "DEL", KEY]
    assert counted() == 1
    corrupt.clear(KEY)
    assert corrupt.get(KEY) is None
    assert counted() == 0


def test_key_corrupted_repeatedly_is_logged_once_per_interval() -> None:
    corrupt = CorruptKeys(quiet_seconds=1e6)
    with capture_logs() as logs:
        for _ in range(100):
            corrupt.record(KEY, "why", "DEL", KEY)
            corrupt.clear(KEY)
    assert len(logs) == 1
    again = CorruptKeys(quiet_seconds=0.0)
    with capture_logs() as logs:
        for _ in range(2):
            again.record(KEY, "why", "DEL", KEY)
    assert len(logs) == 2


def test_corrupt_keys_are_bounded() -> None:
    corrupt = CorruptKeys(max_keys=3)
    for number in range(10):
        corrupt.record(f"key {number}", "why", "DEL", f"key {number}")
    known = [corrupt.get(f"key {number}") is not None for number in range(10)]
    assert known == [False] * 7 + [True] * 3


@pytest.mark.parametrize("why", ["\x1b[2J\n", "\u202e", "x" * 10_000])
def test_foreign_content_is_recorded_as_printable_text(why: str) -> None:
    corruption = CorruptKeys().record(f"kraken:book:{{{why}}}", why, "DEL", why)
    for said in corruption:
        assert said.isprintable()
        assert len(said) < 300


@pytest.mark.process
@pytest.mark.parametrize("field", ["ev\x1bil/USD", b"\xff/USD", "two words", "it's\n"])
def test_repair_command_is_quoted_for_the_shell(field: str | bytes) -> None:
    shown = field if isinstance(field, str) else field.decode(errors="backslashreplace")
    repair = CorruptKeys().record("key", "why", "HDEL", "key", shown).repair
    assert repair.isprintable()
    command = repair.replace("redis-cli HDEL key", "printf %s")
    taken = subprocess.run(["bash", "-c", command], capture_output=True, check=True).stdout
    assert taken == (field.encode() if isinstance(field, str) else field)
