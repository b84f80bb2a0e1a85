"""Programs that are asked to stop while they still load their modules."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

# Runs a module as `python -m` does, and sends itself a signal when it imports a certain other one.
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
def test_program_interrupted_while_it_loads_ends_without_a_traceback(
    program: str, imported: str, number: signal.Signals, code: int
) -> None:
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        # As in the background of a shell; the program would inherit it.
        signal.signal(signal.SIGINT, signal.default_int_handler)
    ended = subprocess.run(
        [sys.executable, "-c", INTERRUPTED, program, imported, str(int(number))],
        cwd=ROOT, env={"REDIS_URL": "http://x"},
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert (ended.returncode, ended.stdout, ended.stderr) == (code, "importing\n", "")
