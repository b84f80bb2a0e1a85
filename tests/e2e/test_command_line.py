"""`kraken-book` and the examples, as processes, on a real api."""

from __future__ import annotations

import csv
import json
import os
import re
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from lab.ladder import Ladder
from lab.process import ROOT
from lab.services import Api
from lab.stage import Stage
from lab.waiting import DEADLINE

SYMBOLS = "BTC/USD,ETH/USD,SOL/USD"


@pytest.fixture(scope="module")
def api(module_stage: Stage) -> Api:
    redis = module_stage.redis()
    simulator = module_stage.simulator("--symbols", SYMBOLS, "--rate", "100")
    module_stage.collector(redis.url, simulator.url, KRAKEN_SYMBOLS=SYMBOLS)
    served = module_stage.api(redis.url)
    served.wait_until_live(*SYMBOLS.split(","))
    return served


class Program:
    """A Python program that prints; it is interrupted as Ctrl-C does, and ended in any case."""

    def __init__(self, *arguments: str, url: str) -> None:
        if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
            # As in the background of a shell; the program would inherit it.
            signal.signal(signal.SIGINT, signal.default_int_handler)
        self._process = subprocess.Popen(
            [sys.executable, *arguments],
            cwd=ROOT,
            env={**os.environ, "KRAKEN_BOOK_URL": url, "PYTHONPATH": str(ROOT)},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        self._killer = threading.Timer(DEADLINE, self._process.kill)
        self._killer.start()

    def lines(self, count: int) -> list[str]:
        """The next lines that it prints."""
        assert self._process.stdout is not None
        return [self._process.stdout.readline().rstrip("\n") for _ in range(count)]

    def error_line(self) -> str:
        """Return the next line of its standard error."""
        assert self._process.stderr is not None
        return self._process.stderr.readline()

    def interrupt(self) -> None:
        """As Ctrl-C does."""
        self._process.send_signal(signal.SIGINT)

    def end(self) -> tuple[int, str, str]:
        """Its exit code, and the rest of what it printed and complained of, once it has ended."""
        out, error = self._process.communicate(timeout=DEADLINE)
        self._killer.cancel()
        return self._process.returncode, out, error

    def close_pipe(self) -> None:
        """Read no more, as `head` does."""
        assert self._process.stdout is not None
        self._process.stdout.close()
        self._process.stdout = None


def module(*arguments: str, url: str) -> Program:
    return Program("-m", "kraken_book", *arguments, url=url)


def test_command_prints_top_of_book_until_ctrl_c(api: Api) -> None:
    program = module("BTC/USD", url=api.url)
    first, second = program.lines(2)
    program.interrupt()
    code, _, error = program.end()
    assert (code, error) == (130, "")
    for line in (first, second):
        assert " BTC/USD " in line
        assert line.endswith("simulated")
    assert first != second


def test_json_output_has_one_verifiable_line_per_event(api: Api) -> None:
    program = module("--json", "BTC/USD", url=api.url)
    ladder = Ladder("BTC/USD")
    for line in program.lines(20):
        ladder.take(json.loads(line))
    assert ladder.counts.verified == 20
    program.close_pipe()
    code, _, error = program.end()
    assert (code, error) == (0, ""), "a closed output ends the command without an error"


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["FOO/USD"], "no symbol 'FOO/USD' is configured"),
        (["--url", "localhost:1", "BTC/USD"], "'localhost:1' is not the URL of an api"),
        ([], "the following arguments are required: SYMBOL"),
    ],
)
def test_unfollowable_symbol_is_reported_in_one_line(
    api: Api, arguments: list[str], words: str
) -> None:
    code, out, error = module(*arguments, url=api.url).end()
    assert (code, out) == (2, "")
    assert words in error
    assert "Traceback" not in error


def test_missing_api_is_reported_and_awaited() -> None:
    program = module("BTC/USD", url="http://127.0.0.1:1")
    line = program.error_line()
    program.interrupt()
    code, out, error = program.end()
    assert "no stream: " in line
    assert (code, out, error) == (130, "", "")


@pytest.fixture(params=["spread", "follow_twenty"])
def example(request: pytest.FixtureRequest, api: Api) -> tuple[str, Program]:
    name: str = request.param
    return name, Program(f"examples/{name}.py", url=api.url)


FIRST_WORDS = {"spread": "BTC/USD ", "follow_twenty": "3 live, widest "}


def test_example_runs_until_ctrl_c(example: tuple[str, Program]) -> None:
    name, program = example
    (line,) = program.lines(1)
    program.interrupt()
    code, _, error = program.end()
    assert line.startswith(FIRST_WORDS[name])
    assert (code, error) == (0, "")


@pytest.mark.parametrize(
    ("page", "expected"),
    [
        ("README.md", r"[\d.]+ [\d.]+ [\d.]+"),
        ("docs/client.md", r"<FrozenBook .+>|[\d.]+ [\d.]+|<Quote buy .+>"),
    ],
)
def test_first_code_of_page_runs_unchanged(
    api: Api, tmp_path: Path, page: str, expected: str
) -> None:
    (code, *_) = re.findall(r"```python\n(.*?)```", (ROOT / page).read_text(), re.DOTALL)
    script = tmp_path / "first_lines.py"
    script.write_text(code.replace("http://localhost:3000", api.url))
    program = Program("-u", str(script), url=api.url)
    for line in program.lines(3):
        assert re.fullmatch(expected, line)
    program.interrupt()
    program.end()


def test_csv_example_writes_valid_csv(api: Api, tmp_path: Path) -> None:
    program = Program("-u", "examples/record_csv.py", url=api.url)
    lines = program.lines(30)
    program.interrupt()
    code, rest, error = program.end()
    assert (code, error) == (0, "done\n")
    rows = list(csv.DictReader([*lines, *rest.splitlines()]))
    assert {row["status"] for row in rows} == {"live"}
    assert {row["symbol"] for row in rows} == {"BTC/USD", "ETH/USD"}
    for row in rows:
        assert float(row["bid"]) < float(row["ask"])
