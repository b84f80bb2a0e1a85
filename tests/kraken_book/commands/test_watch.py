"""`kraken-book watch` and the examples as programs of a pipeline: how each ends."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator

import msgspec
import pytest

from kraken_book import LiveBook
from kraken_book.commands.watch import event_line, top_line
from kraken_book.event import decode_event
from lab.canned_api import HOLD, CannedApi, answer, sse_events, stream
from lab.process import ROOT
from lab.waiting import DEADLINE
from lab.written_books import SYMBOL, snapshot
from tests.kraken_book.client.test_live_book import book_of, changed

UNUSED_URL = "http://127.0.0.1:1"
EXAMPLES = ("spread", "record_csv", "follow_twenty")
FOREIGN = "\x1b[2J\x9b\u202e\x7f"


def run(
    command: str, url: str, *, shell: str = "{}", **environment: str
) -> subprocess.CompletedProcess[str]:
    """Run a Python program as a part of a line of bash."""
    names = {**os.environ, "KRAKEN_BOOK_URL": url, "PYTHONPATH": str(ROOT), **environment}
    line = shell.format(f"{sys.executable} {command}")
    return subprocess.run(
        ["bash", "-o", "pipefail", "-c", line],
        cwd=ROOT,
        env=names,
        capture_output=True,
        text=True,
        timeout=DEADLINE,
        check=False,
    )


@pytest.fixture
def quiet() -> Iterator[CannedApi]:
    """Serve two books that do not change."""
    opening = sse_events(snapshot(3)) + sse_events(snapshot(3), symbol="ETH/USD")
    scripts = [stream(opening, HOLD)] * 3
    with CannedApi(*scripts) as api:
        yield api


@pytest.mark.process
@pytest.mark.parametrize(
    ("shell", "code", "words"),
    [
        ("{} | head -n 1", 0, ""),
        ("{} < /dev/null | head -n 1", 0, ""),
        ("{} > /dev/full", 1, "kraken-book: cannot write: No space left on device\n"),
        ("{} >&-", 1, "kraken-book: stdout is closed\n"),
        ("{} >&- 2>&-", 1, ""),
        ("{} 2> /dev/full | head -n 1", 0, ""),
    ],
)
def test_command_ends_when_its_output_is_gone(
    quiet: CannedApi, shell: str, code: int, words: str
) -> None:
    ended = run(f"-m kraken_book --json {SYMBOL} ETH/USD", quiet.url, shell=shell)
    assert (ended.returncode, ended.stderr) == (code, words)


@pytest.mark.process
@pytest.mark.parametrize("name", EXAMPLES)
@pytest.mark.parametrize(
    ("shell", "code", "words"),
    [
        ("{} > /dev/full", 1, "{name}: cannot write: No space left on device\n"),
        ("{} >&-", 1, "{name}: stdout is closed\n"),
    ],
)
def test_example_ends_when_its_output_is_gone(name: str, shell: str, code: int, words: str) -> None:
    both = sse_events(snapshot(3)) + sse_events(snapshot(3), symbol="ETH/USD")
    # The csv module's rows stay in a buffer until there are many.
    many = b"".join(sse_events(snapshot(seq)) for seq in range(4, 500))
    first = [answer(200, b'["BTC/USD","ETH/USD"]')] if name == "follow_twenty" else []
    with CannedApi(*first, stream(both, many, HOLD)) as api:
        ended = run(f"examples/{name}.py", api.url, shell=shell)
    assert (ended.returncode, ended.stderr) == (code, words.format(name=name))


@pytest.mark.process
@pytest.mark.parametrize(
    "name", ["-m kraken_book BTC/USD", "examples/spread.py", "examples/follow_twenty.py"]
)
def test_program_reports_unusable_variable_in_one_line(name: str) -> None:
    ended = run(name, "http://192.0.2.2:1", SSL_CERT_FILE="/no/such.pem")
    assert ended.returncode == 2
    assert "SSL_CERT_FILE='/no/such.pem' is not a file of certificates" in ended.stderr
    assert ended.stderr.count("\n") == 1


@pytest.mark.process
def test_command_names_unreachable_address_its_time_limit_and_how_to_start_one() -> None:
    ended = run(f"-m kraken_book --wait 1 {SYMBOL}", UNUSED_URL)
    assert ended.returncode == 1
    first, last = ended.stderr.splitlines()
    assert first.startswith(
        f"kraken-book: {UNUSED_URL}: no stream: connection refused; trying again"
    )
    assert "for 1 s" in first
    assert "`make run` starts one" in first
    assert f"{UNUSED_URL}: nothing answered for 1 s" in last


def test_lines_escape_control_characters_of_foreign_text() -> None:
    book = book_of(changed(snapshot(3), source=FOREIGN, exchange_time=FOREIGN * 9))
    assert top_line(book).isprintable()
    book = LiveBook(FOREIGN)
    book.apply(decode_event(sse_data(status="syncing", reason=FOREIGN, symbol=FOREIGN)))
    assert top_line(book).isprintable()
    line = event_line(book)
    assert line.isascii()
    assert line.isprintable()
    assert json.loads(line)["reason"] == FOREIGN


def test_top_line_explains_reason_of_status() -> None:
    book = book_of(snapshot(3), decode_event(sse_data(status="syncing", reason="silent", seq=4)))
    assert top_line(book).endswith("syncing: Kraken fell silent: the collector is connecting again")


@pytest.mark.process
def test_refusal_with_control_characters_is_one_printable_line() -> None:
    body = msgspec.json.encode(
        {
            "detail": f"{FOREIGN}\nkraken-book: all is well",
            "symbols": [FOREIGN],
        }
    )
    with CannedApi(answer(404, body)) as api:
        ended = run(f"-m kraken_book {SYMBOL}", api.url)
    assert ended.returncode == 2
    assert ended.stderr.count("\n") == 1
    assert ended.stderr.rstrip("\n").isprintable()


def sse_data(**members: object) -> bytes:
    """Return a status event: of the collector, or of the api if it has no seq."""
    event_members: dict[str, object] = {
        "kind": "status",
        "symbol": SYMBOL,
        "seq": None,
        "epoch": None,
        "at": "now",
    }
    event_members |= members
    if event_members["seq"] is not None:
        event_members["epoch"] = 7
    return msgspec.json.encode(event_members)
