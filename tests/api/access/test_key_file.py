"""The key file: reloads, faults, and permissions that end."""

from __future__ import annotations

from pathlib import Path

import pytest

from api.access.key_file import KeyFile
from api.access.permission import Denied, Expiry
from kraken_book.errors import Unusable
from tests.api.access.written_keys import WrittenKeys


def test_new_and_revoked_keys_count_after_a_check(keys: WrittenKeys, key_file: KeyFile) -> None:
    permission = key_file.permission("kb_btc")
    keys.add("new")
    keys.revoke("btc")
    assert key_file.is_in_force(permission)
    key_file.check()
    assert key_file.permission("kb_new").name == "new"
    assert not key_file.is_in_force(permission)
    with pytest.raises(Denied):
        key_file.permission("kb_btc")


def test_key_with_other_symbols_ends_the_old_permission(
    keys: WrittenKeys, key_file: KeyFile
) -> None:
    permission = key_file.permission("kb_btc")
    keys.add("btc", symbols="ETH/*")
    key_file.check()
    assert not key_file.is_in_force(permission)
    assert key_file.is_in_force(key_file.permission("kb_btc"))


@pytest.mark.parametrize("fault", ["invalid", "empty", "missing", "folder"])
def test_old_keys_stay_while_the_file_is_unusable(
    keys: WrittenKeys, key_file: KeyFile, fault: str
) -> None:
    keys.path.unlink()
    if fault == "invalid":
        keys.path.write_text('{"keys": 5}')
    elif fault == "empty":
        keys.path.write_text("\n")
    elif fault == "folder":
        keys.path.mkdir()
    key_file.check()
    key_file.check()
    assert key_file.permission("kb_btc").name == "btc"
    if fault == "folder":
        keys.path.rmdir()
    keys.add("new")
    key_file.check()
    assert key_file.permission("kb_new").name == "new"


def test_file_without_keys_permits_nothing(keys: WrittenKeys, key_file: KeyFile) -> None:
    keys.path.write_text('{"keys": []}')
    key_file.check()
    with pytest.raises(Denied):
        key_file.permission("kb_btc")


def test_empty_file_is_an_error_at_the_start(tmp_path: Path) -> None:
    path = tmp_path / "keys.json"
    path.touch()
    with pytest.raises(Unusable, match=r'it is empty; a key file without keys is \{"keys": \[\]\}'):
        KeyFile(path)


def test_swapped_symbolic_link_is_noticed(keys: WrittenKeys, tmp_path: Path) -> None:
    # As Kubernetes updates a mounted ConfigMap.
    data = tmp_path / "..data"
    data.symlink_to(keys.path)
    key_file = KeyFile(data)
    other = WrittenKeys(tmp_path / "other.json")
    other.add("new")
    new = tmp_path / "..data.new"
    new.symlink_to(other.path)
    new.replace(data)
    key_file.check()
    assert key_file.permission("kb_new").name == "new"


def test_missing_file_is_an_error_at_the_start(tmp_path: Path) -> None:
    with pytest.raises(Unusable, match=r"keys\.json cannot be read: No such file or directory"):
        KeyFile(tmp_path / "keys.json")


@pytest.mark.parametrize(
    ("clock_step", "steady_step", "is_over"),
    [(0, 0, False), (59, 59, False), (60, 60, True), (-3600, 60, True), (3600, 1, True)],
)
def test_no_step_of_the_clock_makes_a_permission_longer(
    clock_step: float, steady_step: float, *, is_over: bool
) -> None:
    now = {"clock": 1000.0, "steady": 5.0}
    expiry = Expiry(1060.0, lambda: now["clock"], lambda: now["steady"])
    now["clock"] += clock_step
    now["steady"] += steady_step
    assert expiry.is_over is is_over


def test_permission_without_expiry_never_ends() -> None:
    assert not Expiry(None).is_over
