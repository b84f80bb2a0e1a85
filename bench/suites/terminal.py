"""The CPU of the terminal while many books move, and the lag of its screen.

Real processes: a Redis, the simulator, a collector, an api, and the terminal in a tmux with all
books. It measures the terminal's share of a core, and how far the seqs on its screen are behind
those that `/books` had a quarter of a second before.
"""

from __future__ import annotations

import re
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from bench.report.rows import Row
from bench.suite import Progress
from lab.process_table import cpu_seconds
from lab.services import Api
from lab.stage import Stage
from lab.tmux import TMUX, Tmux
from lab.waiting import wait_until

SYMBOLS = 50
# Half of the updates are within depth 10.
MOVES_A_SECOND = 4000.0
SECONDS = 10.0
# The time between `/books` and the reading of the screen: some paints, and a read.
GRACE_SECONDS = 0.25
_TOP = re.compile(r"(\w+/\w+) ")
_SEQ = re.compile(r" seq (\d+)")


def measure(scale: float, progress: Progress, size: tuple[int, int] = (250, 70)) -> Iterator[Row]:
    """Measure in a window of this size."""
    if TMUX is None:
        yield Row(what="the terminal", not_measured="tmux: apt-get install tmux")
        return
    progress.expect(2)
    progress("starting services and terminal")
    symbols = ",".join(f"T{number:02}/USD" for number in range(SYMBOLS))
    with tempfile.TemporaryDirectory() as folder, Stage(Path(folder)) as stage:
        redis = stage.redis()
        simulator = stage.simulator("--symbols", symbols, "--rate", str(MOVES_A_SECOND))
        collector = stage.collector(redis.url, simulator.url, KRAKEN_SYMBOLS=symbols)
        api = stage.api(redis.url)
        collector.wait_until_live(SYMBOLS)
        tmux = Tmux(Path(folder), api.url, "*", size=size)
        stage.undo(tmux.close)
        wait_until(lambda: len(seqs_on(tmux.screen)) > 1, "ladders are on the screen")
        progress("watching it")
        yield from watch(api, tmux, max(1.0, SECONDS * scale))


def watch(api: Api, tmux: Tmux, seconds: float) -> Iterator[Row]:
    """Watch the screen for `seconds`."""
    process = terminal_of(int(tmux.read_variable("pane_pid")))
    begun, cpu, first = time.monotonic(), cpu_seconds(process), seqs_of(api)
    behind: list[int] = []
    ladders = 0
    while time.monotonic() < begun + seconds:
        known = seqs_of(api)
        time.sleep(GRACE_SECONDS)
        shown = seqs_on(tmux.screen)
        ladders = max(ladders, len(shown))
        behind += [known[symbol] - seq for symbol, seq in shown.items()]
        time.sleep(GRACE_SECONDS)
    took, last = time.monotonic() - begun, seqs_of(api)
    rate = sum(last[symbol] - first[symbol] for symbol in last) / took
    share = (cpu_seconds(process) - cpu) / took
    yield Row(what="the terminal's CPU", ours=share * 100, unit="% of a core")
    yield Row(what="ladders that are wholly visible", ours=ladders)
    yield Row(what="updates of all books", ours=rate, unit="/s", is_detail=True)
    late = sum(seq > 0 for seq in behind)
    yield Row(
        what="seqs on the screen that are behind",
        ours=late,
        beside="all",
        theirs=len(behind),
        note=f"the worst by {max(behind, default=0)}",
    )


def seqs_of(api: Api) -> dict[str, int]:
    """Return the seq of each book in `/books`."""
    return {book["symbol"]: book["seq"] for book in api.get("/books").json()}


def seqs_on(screen: str) -> dict[str, int]:
    """Return the seqs of the ladders that are wholly on the screen."""
    seqs: dict[str, int] = {}
    symbols: list[str] = []
    for line in screen.splitlines():
        if line.startswith(("╭", "┏")) and "books" not in line:
            symbols = _TOP.findall(line)
        elif line.startswith(("╰", "┗")):
            found = _SEQ.findall(line)
            if len(found) == len(symbols):
                seqs |= dict(zip(symbols, map(int, found), strict=True))
            symbols = []
    return seqs


def terminal_of(shell: int) -> int:
    """Return the id of the process that the shell in the tmux runs."""
    found = subprocess.run(
        ["ps", "--ppid", str(shell), "-o", "pid="], capture_output=True, text=True, check=True
    )
    return int(found.stdout.split()[0])
