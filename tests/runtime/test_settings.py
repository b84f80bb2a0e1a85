"""Settings: read once, and wrong ones end the process with a line for each."""

from __future__ import annotations

from pathlib import Path

import pytest

from runtime.settings import ServiceSettings, read_settings


@pytest.fixture(autouse=True)
def _no_settings_of_this_machine(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    for field in ServiceSettings.model_fields:
        monkeypatch.delenv(field.upper(), raising=False)


def test_the_defaults_run_as_they_are() -> None:
    settings = read_settings(ServiceSettings)
    assert settings.redis_url == "redis://127.0.0.1:6379/0"
    assert (str(settings.log_level), settings.log_format) == ("info", None)


def test_wrong_ones_end_the_process_with_a_line_for_each(
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


def test_a_wrong_redis_url_does_not_print_its_password(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("REDIS_URL", "redis://me:secret@localhost/first")
    with pytest.raises(SystemExit):
        read_settings(ServiceSettings)
    said = capsys.readouterr().err
    assert "REDIS_URL" in said
    assert "secret" not in said


def test_settings_do_not_change() -> None:
    settings = ServiceSettings()
    with pytest.raises(ValueError, match="frozen"):
        settings.log_format = "json"


def refusal(capsys: pytest.CaptureFixture[str]) -> str:
    """Return the one line that ends the reading."""
    with pytest.raises(SystemExit) as caught:
        read_settings(ServiceSettings)
    assert caught.value.code == 2
    (line,) = capsys.readouterr().err.splitlines()
    return line


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("LOG_LEVEL=info\n# café\n".encode("latin-1"), "not UTF-8 (byte 0xe9 in line 2)"),
        ("LOG_LEVEL=info\n".encode("utf-16"), "UTF-16 or binary (byte 0 in line 1)"),
        ("LOG_LEVEL=info\n".encode("utf-16-le"), "UTF-16 or binary (byte 0 in line 1)"),
        (b"A=b\nLOG_LEVEL=in\0fo\n", "UTF-16 or binary (byte 0 in line 2)"),
        (b"\n# fine\n\nLOG_LEVEL info\n", "line 4 cannot be understood"),
        (b"A=b\n" * 300_000, "more than 1,000,000 bytes"),
    ],
)
def test_env_file_that_cannot_be_understood_is_told_in_a_line(
    capsys: pytest.CaptureFixture[str], content: bytes, said: str
) -> None:
    Path(".env").write_bytes(content)
    line = refusal(capsys)
    assert line.startswith(".env: ")
    assert said in line
    assert "UTF-8" in line, "what is right"


def test_env_file_that_cannot_be_read_is_told_in_a_line(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    Path(".env").mkdir()
    assert ".env: it cannot be read (Is a directory)" in refusal(capsys)
    Path(".env").rmdir()
    Path(".env").symlink_to("nowhere")
    assert ".env: it cannot be read (No such file or directory)" in refusal(capsys)
    Path(".env").unlink()
    Path(".env").touch()

    def refuse(*_: object) -> None:
        raise PermissionError(13, "Permission denied")

    # Root may read everything.
    monkeypatch.setattr(Path, "open", refuse)
    assert ".env: it cannot be read (Permission denied)" in refusal(capsys)


@pytest.mark.parametrize(
    "content", [b"", b"\n# only a comment\n", "\ufeffLOG_LEVEL=debug".encode()]
)
def test_env_file_with_a_byte_order_mark_or_without_settings_is_read(content: bytes) -> None:
    Path(".env").write_bytes(content)
    level = str(read_settings(ServiceSettings).log_level)
    assert level == ("debug" if content[:1] > b"#" else "info")


def test_env_file_that_is_a_device_is_none() -> None:
    Path(".env").symlink_to("/dev/null")
    assert str(read_settings(ServiceSettings).log_level) == "info"


def test_variable_that_is_not_utf8_is_refused_by_its_name(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REDIS_URL", "redis://\udce9\x1b[2J")
    assert refusal(capsys) == r"REDIS_URL=redis://\udce9\x1b[2J: it is not UTF-8"
