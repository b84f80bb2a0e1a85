"""`kraken-book keys`: the file that it writes, and what it prints."""

from __future__ import annotations

import os
from contextlib import suppress
from multiprocessing.pool import ThreadPool
from pathlib import Path

import pytest

from kraken_book.access_keys import (
    AccessKey,
    KeyLimits,
    digest_of,
    parse_key_file,
    render_key_file,
)
from kraken_book.command_line import main


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "keys.json"


def keys_of(file: Path) -> list[AccessKey]:
    return parse_key_file(file.read_bytes())


def test_add_prints_the_key_alone_on_the_last_line_and_stores_its_digest(
    file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ["--symbols", "BTC/*", "--expires", "2099-01-01", "--max-requests", "600"]
    assert main(["keys", "--file", str(file), "add", "desk", *arguments]) == 0
    output = capsys.readouterr()
    (secret,) = output.out.splitlines()
    assert secret.startswith("kb_")
    assert secret not in output.err
    expected = AccessKey(
        "desk", digest_of(secret), "BTC/*", "2099-01-01T00:00:00Z", KeyLimits(requests=600)
    )
    assert keys_of(file) == [expected]
    assert secret not in file.read_text()
    assert file.stat().st_mode & 0o777 == 0o600


def test_file_of_the_environment_is_used(
    file: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("API_KEYS_FILE", str(file))
    assert main(["keys", "add", "desk"]) == 0
    capsys.readouterr()
    assert main(["keys", "list"]) == 0
    assert capsys.readouterr().out.startswith("desk  symbols *  expires never  sha256 ")


def test_revoke_removes_one_key_and_keeps_mode_and_link(file: Path, tmp_path: Path) -> None:
    link = tmp_path / "link.json"
    link.symlink_to(file)
    assert main(["keys", "--file", str(link), "add", "one"]) == 0
    assert main(["keys", "--file", str(link), "add", "two"]) == 0
    file.chmod(0o640)
    assert main(["keys", "--file", str(link), "revoke", "one"]) == 0
    assert [key.name for key in keys_of(file)] == ["two"]
    assert link.is_symlink()
    assert file.stat().st_mode & 0o777 == 0o640
    assert sorted(each.name for each in tmp_path.iterdir()) == ["keys.json", "link.json"]


def test_file_may_be_named_after_the_action(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["keys", "add", "desk", "--file", str(file)]) == 0
    capsys.readouterr()
    assert main(["keys", "list", "--file", str(file)]) == 0
    assert capsys.readouterr().out.startswith("desk")


def test_list_marks_expired_keys(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    old = AccessKey("old", digest_of("x"), expires="2020-01-01T00:00:00Z")
    file.write_bytes(render_key_file([old]))
    assert main(["keys", "--file", str(file), "list"]) == 0
    assert "  expired 2020-01-01T00:00:00Z  " in capsys.readouterr().out


def test_key_that_cannot_be_printed_is_removed_again(
    file: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert main(["keys", "--file", str(file), "add", "one"]) == 0
    with Path("/dev/full").open("w") as full:
        monkeypatch.setattr("sys.stdout", full)
        assert main(["keys", "--file", str(file), "add", "two"]) == 2
        monkeypatch.undo()
        with suppress(OSError):
            full.close()
    assert "the key cannot be printed, so it was removed again" in capsys.readouterr().err
    assert [key.name for key in keys_of(file)] == ["one"]


def test_concurrent_commands_lose_no_key(file: Path) -> None:
    names = [f"key-{number}" for number in range(20)]
    with ThreadPool(8) as pool:
        codes = pool.map(lambda name: main(["keys", "--file", str(file), "add", name]), names)
    assert codes == [0] * 20
    assert sorted(key.name for key in keys_of(file)) == sorted(names)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["add", "taken"], "'taken' has a key already; revoke it first, or choose another name"),
        (["add", "a b"], "'a b' is no name of a key: it has 1 to 64 letters"),
        (["add", "x", "--symbols", "BTC"], "'BTC' is no symbol: use names such as BTC/USD"),
        (["add", "kb_secret"], "a name does not begin with kb_, as keys do"),
        (["add", "x", "--expires", "soon"], "'soon' is no time of expiry: use a date such as"),
        (["add", "x", "--expires", "2020-01-01"], "2020-01-01 is in the past"),
        (["revoke", "nobody"], "there is no key 'nobody' in"),
    ],
)
def test_invalid_argument_is_one_line_and_changes_nothing(
    file: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], message: str
) -> None:
    assert main(["keys", "--file", str(file), "add", "taken"]) == 0
    before = file.read_bytes()
    capsys.readouterr()
    assert main(["keys", "--file", str(file), *arguments]) == 2
    output = capsys.readouterr()
    assert message in output.err
    assert output.err.count("\n") == 1
    assert output.out == ""
    assert file.read_bytes() == before


def test_damaged_file_is_named_and_kept(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file.write_text('{"keys": [')
    assert main(["keys", "--file", str(file), "add", "desk"]) == 2
    assert str(file) in capsys.readouterr().err
    assert file.read_text() == '{"keys": ['


def test_file_that_cannot_be_written_is_an_error(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    missing = tmp_path / "none" / "keys.json"
    assert main(["keys", "--file", str(missing), "add", "desk"]) == 1
    assert "No such file or directory" in capsys.readouterr().err
    assert main(["keys", "--file", str(tmp_path / "keys.json"), "list"]) == 1


def test_without_a_file_the_error_names_both_ways(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("API_KEYS_FILE", raising=False)
    with pytest.raises(SystemExit) as caught:
        main(["keys", "list"])
    assert caught.value.code == 2
    assert "name the key file with --file FILE or API_KEYS_FILE" in capsys.readouterr().err
    assert "API_KEYS_FILE" not in os.environ
