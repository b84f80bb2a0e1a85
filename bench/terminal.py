"""What the terminal costs while many books move, and whether it keeps up.

    python -m bench.terminal

Real processes: a Redis, the simulator, a collector, an api, and the terminal in a tmux, on all
books. Beside the terminal's share of a core it prints how far the seqs on its screen were behind
those that `/books` had told a quarter of a second before.
"""

from __future__ import annotations

import argparse
import os
import re
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from lab.processes import Api, Stage, eventually
from lab.tmux import TMUX, Tmux

# Between what `/books` tells and the look at the screen: some paints, and a read.
GRACE = 0.25
_TOP = re.compile(r"(\w+/\w+) ")
_SEQ = re.compile(r" seq (\d+)")


def main() -> int:
    """Run it as the command line says."""
    parser = argparse.ArgumentParser(description="What the terminal costs.")
    parser.add_argument("--symbols", type=int, default=50)
    parser.add_argument("--rate", type=float, default=4000, help="half of it shows at depth 10")
    parser.add_argument("--size", default="250x70", help="of the window")
    parser.add_argument("--seconds", type=int, default=10)
    options = parser.parse_args()
    if TMUX is None:
        sys.exit("bench.terminal: no tmux on the PATH")
    width, height = map(int, options.size.split("x"))
    symbols = ",".join(f"T{number:02}/USD" for number in range(options.symbols))
    with tempfile.TemporaryDirectory() as folder, Stage(Path(folder)) as stage:
        redis = stage.redis()
        simulator = stage.simulator("--symbols", symbols, "--rate", str(options.rate))
        collector = stage.collector(redis.url, simulator.url, KRAKEN_SYMBOLS=symbols)
        api = stage.api(redis.url)
        collector.wait_until_live(options.symbols)
        tmux = Tmux(Path(folder), api.url, "*", size=(width, height))
        try:
            measure(api, tmux, options.seconds)
        finally:
            tmux.close()
    return 0


def measure(api: Api, tmux: Tmux, seconds: int) -> None:
    """Look at it for a while, and print what was seen."""
    eventually(lambda: len(seqs_on(tmux.screen)) > 1, "ladders are there")
    process = terminal_of(int(tmux.tell("pane_pid")))
    begun, cpu, first = time.monotonic(), cpu_seconds(process), seqs_of(api)
    behind: list[int] = []
    while time.monotonic() < begun + seconds:
        told = seqs_of(api)
        time.sleep(GRACE)
        shown = seqs_on(tmux.screen)
        behind += [told[symbol] - seq for symbol, seq in shown.items()]
        time.sleep(GRACE)
    took = time.monotonic() - begun
    last = seqs_of(api)
    rate = sum(last[symbol] - first[symbol] for symbol in last) / took
    share = (cpu_seconds(process) - cpu) / took
    late = sum(seq > 0 for seq in behind)
    print(f"{rate:,.0f} updates/s of {len(last)} books, {len(shown)} ladders in sight")
    print(f"{share:.0%} of a core; machine's load {os.getloadavg()[0]:.1f}")
    print(f"{late} of {len(behind)} seqs on the screen were behind, the worst by {max(behind)}")


def seqs_of(api: Api) -> dict[str, int]:
    """What `/books` tells."""
    return {book["symbol"]: book["seq"] for book in api.get("/books").json()}


def seqs_on(screen: str) -> dict[str, int]:
    """What the ladders say that can be seen as a whole."""
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
    """The process that the shell in the tmux runs."""
    found = subprocess.run(
        ["ps", "--ppid", str(shell), "-o", "pid="], capture_output=True, text=True, check=True
    )
    return int(found.stdout.split()[0])


def cpu_seconds(process: int) -> float:
    """What a process has had of the CPU; Linux alone tells."""
    user, system = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[11:13]
    return (int(user) + int(system)) / os.sysconf("SC_CLK_TCK")


if __name__ == "__main__":
    sys.exit(main())
