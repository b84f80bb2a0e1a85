"""One log: JSON elsewhere than on a terminal, and a level per module."""

from __future__ import annotations

import contextlib
import io
import json
import logging
from collections.abc import Iterator
from typing import Any

import pytest
import structlog

from service.logs import LogFormat, configure_logs, get_logger, parse_levels


@pytest.fixture
def out() -> Iterator[io.StringIO]:
    """Standard output as `configure` sees it; logging is as it was afterwards."""
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


@pytest.mark.parametrize(
    ("text", "levels"),
    [
        ("info", {"": logging.INFO}),
        ("DEBUG", {"": logging.DEBUG}),
        ("", {"": logging.INFO}),
        (
            "info,collector.kraken=debug",
            {"": logging.INFO, "collector.kraken": logging.DEBUG},
        ),
        (" warning , api = error ,", {"": logging.WARNING, "api": logging.ERROR}),
        ("api=critical", {"": logging.INFO, "api": logging.CRITICAL}),
    ],
)
def test_levels_are_the_roots_and_those_of_modules(text: str, levels: dict[str, int]) -> None:
    assert parse_levels(text) == levels


@pytest.mark.parametrize("text", ["loud", "info,api=loud", "api=", "=", "info debug", "api:debug"])
def test_what_is_no_level_is_refused_with_what_is(text: str) -> None:
    with pytest.raises(ValueError, match="is no level: use one of debug, info, warning"):
        parse_levels(text)


def test_a_line_of_json_has_what_was_said_by_whom_and_when(out: io.StringIO) -> None:
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


def test_an_exception_is_in_its_line(out: io.StringIO) -> None:
    configure(out, "info")
    try:
        int("three")
    except ValueError as error:
        get_logger("unit.two").error("failed", exc_info=error)
    (line,) = lines(out)
    assert "ValueError: invalid literal" in line["exception"]


def test_each_module_has_its_level(out: io.StringIO) -> None:
    configure(out, "warning,unit.chatty=debug,unit.quiet=error")
    for name in ("unit.chatty.child", "unit.quiet", "unit.other"):
        log = get_logger(name)
        log.debug("debug")
        log.info("info")
        log.warning("warning")
        log.error("error")
    said = [(line["logger"], line["event"]) for line in lines(out)]
    assert said == [
        *(("unit.chatty.child", word) for word in ("debug", "info", "warning", "error")),
        ("unit.quiet", "error"),
        ("unit.other", "warning"),
        ("unit.other", "error"),
    ]


def test_libraries_lines_look_like_ours_and_obey_the_levels(out: io.StringIO) -> None:
    configure(out, "info,unit.library=error")
    logging.getLogger("unit.another").info("from %s", "afar")
    logging.getLogger("unit.library").warning("unheard")
    (line,) = lines(out)
    assert (line["event"], line["logger"], line["level"]) == ("from afar", "unit.another", "info")


def test_uvicorn_is_quieter_unless_asked(out: io.StringIO) -> None:
    configure(out, "info")
    logging.getLogger("uvicorn").info("Started server process")
    assert lines(out) == []
    configure(out, "info,uvicorn=info")
    logging.getLogger("uvicorn").info("Started server process")
    assert len(lines(out)) == 1


def test_elsewhere_than_on_a_terminal_it_is_json_by_itself(out: io.StringIO) -> None:
    configure(out, "info", None)
    get_logger("unit.three").info("hello")
    assert lines(out)[0]["event"] == "hello"


@pytest.mark.parametrize("on_terminal", [True, False])
def test_the_console_is_for_people(
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
