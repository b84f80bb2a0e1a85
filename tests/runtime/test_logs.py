"""The configured log: formats, levels per module, and escaped text."""

from __future__ import annotations

import contextlib
import io
import json
import logging
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import structlog

from runtime.log_levels import parse_levels
from runtime.logs import LogFormat, configure_logs, get_logger

ROOT = Path(__file__).parents[2]


@pytest.fixture
def out() -> Iterator[io.StringIO]:
    """Standard output for `configure`; the configuration of logging is restored afterwards."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    known = set(logging.root.manager.loggerDict)
    text = io.StringIO()
    yield text
    root.handlers[:] = handlers
    root.setLevel(level)
    for name in set(logging.root.manager.loggerDict) - known:
        logging.getLogger(name).setLevel(logging.NOTSET)
    structlog.reset_defaults()


def configure(out: io.StringIO, levels: str, log_format: LogFormat | None = "json") -> None:
    with contextlib.redirect_stdout(out):
        configure_logs(parse_levels(levels), log_format)


def lines(out: io.StringIO) -> list[dict[str, Any]]:
    return [json.loads(line) for line in out.getvalue().splitlines()]


def test_json_line_has_event_fields_logger_level_and_time(out: io.StringIO) -> None:
    configure(out, "info")
    get_logger("unit.one").info("book is live", symbol="BTC/USD", seq=2**60, why='a "quote"\n')
    (line,) = lines(out)
    assert line.pop("timestamp").endswith("Z")
    assert line == {
        "event": "book is live",
        "level": "info",
        "logger": "unit.one",
        "symbol": "BTC/USD",
        "seq": 2**60,
        "why": 'a "quote"\n',
    }


def test_json_line_contains_the_exception(out: io.StringIO) -> None:
    configure(out, "info")
    try:
        int("three")
    except ValueError as error:
        get_logger("unit.two").error("failed", exc_info=error)
    (line,) = lines(out)
    assert "ValueError: invalid literal" in line["exception"]


def test_level_applies_to_module_and_its_children(out: io.StringIO) -> None:
    configure(out, "warning,unit.chatty=debug,unit.quiet=error")
    for name in ("unit.chatty.child", "unit.quiet", "unit.other"):
        log = get_logger(name)
        log.debug("debug")
        log.info("info")
        log.warning("warning")
        log.error("error")
    written = [(line["logger"], line["event"]) for line in lines(out)]
    assert written == [
        *(("unit.chatty.child", word) for word in ("debug", "info", "warning", "error")),
        ("unit.quiet", "error"),
        ("unit.other", "warning"),
        ("unit.other", "error"),
    ]


def test_lines_of_libraries_have_the_same_format_and_levels(out: io.StringIO) -> None:
    configure(out, "info,unit.library=error")
    logging.getLogger("unit.another").info("from %s", "afar")
    logging.getLogger("unit.library").warning("unheard")
    (line,) = lines(out)
    assert (line["event"], line["logger"], line["level"]) == ("from afar", "unit.another", "info")


def test_uvicorn_logs_warnings_only_unless_its_level_is_set(out: io.StringIO) -> None:
    configure(out, "info")
    logging.getLogger("uvicorn").info("Started server process")
    assert lines(out) == []
    configure(out, "info,uvicorn=info")
    logging.getLogger("uvicorn").info("Started server process")
    assert len(lines(out)) == 1


def test_default_format_is_json_if_output_is_no_terminal(out: io.StringIO) -> None:
    configure(out, "info", None)
    get_logger("unit.three").info("hello")
    assert lines(out)[0]["event"] == "hello"


@pytest.mark.parametrize("on_terminal", [True, False])
def test_console_format_has_colours_only_on_a_terminal(
    out: io.StringIO, monkeypatch: pytest.MonkeyPatch, on_terminal: bool
) -> None:
    monkeypatch.delenv("FORCE_COLOR", raising=False)
    monkeypatch.setattr(out, "isatty", lambda: on_terminal)
    configure(out, "info", None if on_terminal else "console")
    get_logger("unit.four").info("hello", symbol="BTC/USD")
    text = out.getvalue()
    assert "hello" in text
    assert "BTC/USD" in text
    assert not text.startswith("{")
    assert ("\x1b[" in text) == on_terminal


FOREIGN = "/\x1b[2J\x7f\x9b31m\u202e\ud800\n2026-01-01 [info] forged"
ESCAPED = r"/\x1b[2J\x7f\x9b31m\u202e\ud800\n2026-01-01 [info] forged"


@pytest.mark.parametrize("log_format", ["json", "console"])
def test_foreign_text_is_escaped_in_every_field(
    out: io.StringIO, monkeypatch: pytest.MonkeyPatch, log_format: LogFormat
) -> None:
    monkeypatch.delenv("FORCE_COLOR", raising=False)
    configure(out, "info", log_format)
    log = get_logger("unit.five")
    log.info("request", path=FOREIGN, nested=[{FOREIGN: FOREIGN}], error=ValueError(FOREIGN))
    log.info(FOREIGN, **{FOREIGN: 1})
    logging.getLogger("unit.library").warning("from %s", FOREIGN)
    text = out.getvalue()
    assert text.isascii()
    assert len(text.splitlines()) == 3
    assert not [each for each in text if not each.isprintable() and each != "\n"]
    if log_format == "json":
        assert lines(out)[0]["path"] == FOREIGN
    else:
        assert text.count("forged") == text.count(r"\n2026-01-01") == 7


def _fail_with(text: str) -> None:
    raise ValueError(text)


def test_exception_on_the_console_is_indented_and_escaped(
    out: io.StringIO, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("FORCE_COLOR", raising=False)
    configure(out, "info", "console")
    try:
        _fail_with("\x1b[2J\n2026-01-01 [info] forged")
    except ValueError as error:
        get_logger("unit.six").error("failed", exc_info=error)
    _, *trace = out.getvalue().splitlines()
    assert all(line.startswith("    ") for line in trace[1:] if line)
    assert "\x1b" not in out.getvalue()
    assert r"ValueError: \x1b[2J" in out.getvalue()


@pytest.mark.process
def test_line_that_cannot_be_rendered_is_replaced_with_logger_and_error() -> None:
    script = (
        "from runtime.log_levels import *\nfrom runtime.logs import *\n"
        "configure_logs(parse_levels('info'))\n"
        "class Broken:\n    def __repr__(self): raise ZeroDivisionError\n"
        "get_logger('unit').info('hello', field=Broken())\n"
    )
    ended = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, check=True, cwd=ROOT, text=True
    )
    (line,) = map(json.loads, ended.stdout.splitlines())
    line.pop("timestamp")
    assert line == {
        "event": "log line not rendered",
        "level": "warning",
        "logger": "runtime.log_output",
        "of": "unit",
        "error": "ZeroDivisionError",
    }
    assert ended.stderr == ""
