"""Caddy's answer while no replica answers, read from its file; no Caddy runs here."""

from __future__ import annotations

import json
import re

from kraken_book.client.sse import SseParser
from lab.process import ROOT

ERRORS = (ROOT / "deploy" / "Caddyfile").read_text().partition("handle_errors {")[2]
# The text between backticks, and the status.
ANSWERS = re.findall(r"respond `([^`]*)` (\S+)", ERRORS)


def test_event_source_gets_a_stream_after_which_it_reconnects() -> None:
    matcher, _, rest = ERRORS.partition("handle @events")
    assert "path /stream /stream/*" in matcher
    assert "header Accept *text/event-stream*" in matcher
    assert 'header Content-Type "text/event-stream; charset=utf-8"' in rest
    body, status = ANSWERS[0]
    assert status == "200"
    (message,) = SseParser().feed(body.encode())
    assert (message.retry, message.data) == (2000, b"")


def test_other_clients_get_a_problem() -> None:
    body, status = ANSWERS[1]
    assert status == "{err.status_code}"
    problem = json.loads(body.replace("{err.status_code}", "502"))
    assert list(problem)[:5] == ["type", "title", "status", "detail", "instance"]
