"""Signals and garbage collection while programs load; signals at a fork."""

from __future__ import annotations

import gc
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from runtime.process import STOP_SIGNALS, loading

ROOT = Path(__file__).parents[2]

# Runs a module as `python -m` does, and sends a signal to itself when it imports another one.
INTERRUPTED = """
import os, runpy, sys

program, imported, number = sys.argv[1:]

class Finder:
    def find_spec(self, name, path, target=None):
        if name == imported:
            print("importing", flush=True)
            os.kill(os.getpid(), int(number))

sys.meta_path.insert(0, Finder())
del sys.argv[1:]
runpy.run_module(program, run_name="__main__", alter_sys=True)
"""


@pytest.mark.process
@pytest.mark.parametrize(
    ("program", "imported", "number", "code"),
    [
        ("collector", "uvloop", signal.SIGINT, 0),
        ("api", "uvloop", signal.SIGINT, 0),
        ("api", "uvloop", signal.SIGTERM, 0),
        ("simulator", "uvloop", signal.SIGINT, 0),
        ("launcher", "pydantic_settings", signal.SIGINT, 0),
        ("kraken_book", "httpx", signal.SIGINT, 130),
        ("kraken_book.terminal", "httpx", signal.SIGINT, 130),
    ],
)
def test_program_ends_without_traceback_at_a_signal_while_it_loads(
    program: str, imported: str, number: signal.Signals, code: int
) -> None:
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        # A shell ignores SIGINT in background jobs, and the program would inherit that.
        signal.signal(signal.SIGINT, signal.default_int_handler)
    ended = subprocess.run(
        [sys.executable, "-c", INTERRUPTED, program, imported, str(int(number))],
        cwd=ROOT, env={"REDIS_URL": "http://x"},
        capture_output=True, text=True, timeout=180, check=False,
    )  # fmt: skip
    assert (ended.returncode, ended.stdout, ended.stderr) == (code, "importing\n", "")


# Forks while a signal is pending, with the handler of `exit_at_stop_signals`.
FORKING = """
import os, signal, subprocess
from runtime.process import become_child, exit_at_stop_signals, stop_signals_blocked

exit_at_stop_signals()
with stop_signals_blocked():
    os.kill(os.getpid(), signal.SIGINT)
    child = subprocess.Popen(["cat", "/proc/self/status"], preexec_fn=become_child)
    child.wait()
    print("forked", flush=True)
print("not reached")
"""


@pytest.mark.process
@pytest.mark.skipif(sys.platform != "linux", reason="the child reads /proc")
def test_signal_at_fork_waits_and_child_has_no_handler_and_no_mask() -> None:
    ended = subprocess.run(
        [sys.executable, "-c", FORKING],
        cwd=ROOT, capture_output=True, text=True, timeout=180, check=False,
    )  # fmt: skip
    assert (ended.returncode, ended.stderr) == (0, "")
    *status, last = ended.stdout.splitlines()
    assert last == "forked"
    sets = dict(line.split(":\t") for line in status if line.startswith("Sig") and line[6] == ":")
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        for name in ("SigBlk", "SigCgt"):
            assert not int(sets[name], 16) >> (number - 1) & 1, (name, number)


def test_loading_pauses_collection_and_freezes_loaded_objects() -> None:
    handlers = {number: signal.getsignal(number) for number in STOP_SIGNALS}
    try:
        with loading("api"):
            assert not gc.isenabled()
        assert gc.isenabled()
        assert gc.get_freeze_count() > 10_000
    finally:
        gc.unfreeze()
        for number, handler in handlers.items():
            signal.signal(number, handler)
