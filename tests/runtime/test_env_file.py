"""Faults of `.env`, which end a program with one line."""

from __future__ import annotations

from pathlib import Path

import pytest

from runtime.settings import ServiceSettings, read_settings

pytestmark = pytest.mark.usefixtures("no_settings")


def refusal(capsys: pytest.CaptureFixture[str]) -> str:
    """Read the settings, which must fail; return the only line of the error."""
    with pytest.raises(SystemExit) as caught:
        read_settings(ServiceSettings)
    assert caught.value.code == 2
    (line,) = capsys.readouterr().err.splitlines()
    return line


@pytest.mark.parametrize(
    ("content", "fault"),
    [
        ("LOG_LEVEL=info\n# café\n".encode("latin-1"), "not UTF-8 (byte 0xe9 in line 2)"),
        ("LOG_LEVEL=info\n".encode("utf-16"), "UTF-16 or binary (byte 0 in line 1)"),
        ("LOG_LEVEL=info\n".encode("utf-16-le"), "UTF-16 or binary (byte 0 in line 1)"),
        (b"A=b\nLOG_LEVEL=in\0fo\n", "UTF-16 or binary (byte 0 in line 2)"),
        (b"\n# fine\n\nLOG_LEVEL info\n", "line 4 is invalid"),
        (b"A=b\n" * 300_000, "more than 1,000,000 bytes"),
    ],
)
def test_invalid_env_file_is_refused_with_line_and_remedy(
    capsys: pytest.CaptureFixture[str], content: bytes, fault: str
) -> None:
    Path(".env").write_bytes(content)
    line = refusal(capsys)
    assert line.startswith(".env: ")
    assert fault in line
    assert "UTF-8" in line, "the remedy"


def test_unreadable_env_file_is_refused_with_the_reason(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    Path(".env").mkdir()
    assert ".env: cannot be read (Is a directory)" in refusal(capsys)
    Path(".env").rmdir()
    Path(".env").symlink_to("nowhere")
    assert ".env: cannot be read (No such file or directory)" in refusal(capsys)
    Path(".env").unlink()
    Path(".env").touch()

    def refuse(*_: object) -> None:
        raise PermissionError(13, "Permission denied")

    # File modes would not stop a test that runs as root.
    monkeypatch.setattr(Path, "open", refuse)
    assert ".env: cannot be read (Permission denied)" in refusal(capsys)


@pytest.mark.parametrize(
    "content", [b"", b"\n# only a comment\n", "\ufeffLOG_LEVEL=debug".encode()]
)
def test_env_file_with_byte_order_mark_or_without_settings_is_read(content: bytes) -> None:
    Path(".env").write_bytes(content)
    level = str(read_settings(ServiceSettings).log_level)
    assert level == ("debug" if content[:1] > b"#" else "info")


def test_env_file_that_is_a_device_has_no_settings() -> None:
    Path(".env").symlink_to("/dev/null")
    assert str(read_settings(ServiceSettings).log_level) == "info"
