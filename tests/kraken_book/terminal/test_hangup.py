"""A terminal that is gone ends the program, whoever tells of it or does not."""

from __future__ import annotations

import os
import pty
import subprocess
import sys
import threading

import pytest

from kraken_book.terminal.hangup import EXIT_CODE, HangupWatch
from lab.process import ROOT
from lab.waiting import DEADLINE


class Ended:
    """Record of a watch."""

    def __init__(self) -> None:
        self.said: list[str] = []
        self.ended = threading.Event()

    def hang_up(self) -> None:
        self.said.append("hangup")

    def end(self, code: int) -> None:
        self.said.append(f"end {code}")
        self.ended.set()


def test_program_that_does_not_end_in_order_is_ended() -> None:
    looks = iter([False, False, True])
    seen = Ended()
    watch = HangupWatch(seen.hang_up, lambda: next(looks), seen.end, interval=0.0, grace=0.0)
    watch.start()
    assert seen.ended.wait(DEADLINE)
    assert seen.said == ["hangup", f"end {EXIT_CODE}"]


def test_watch_that_is_stopped_looks_no_more() -> None:
    seen, looked = Ended(), threading.Event()

    def look() -> bool:
        looked.set()
        return False

    watch = HangupWatch(seen.hang_up, look, seen.end, interval=DEADLINE)
    watch.start()
    assert looked.wait(DEADLINE)
    watch.stop()
    assert seen.said == []


# Without a controlling terminal no signal tells of the end.
@pytest.mark.process
@pytest.mark.parametrize("is_controlling", [True, False])
def test_terminal_ends_when_its_tty_is_gone(is_controlling: bool) -> None:
    ours, theirs = pty.openpty()
    code = (
        "import fcntl, termios, sys; fcntl.ioctl(0, termios.TIOCSCTTY, 0)\n"
        if is_controlling
        else ""
    )
    code += "from kraken_book.terminal.program import run; raise SystemExit(run(sys.argv[1:]))"
    command = [sys.executable, "-c", f"import sys\n{code}", "--url", "http://127.0.0.1:1"]
    process = subprocess.Popen(
        command,
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        cwd=ROOT,
        env={**os.environ, "TERM": "xterm-256color", "COLUMNS": "80", "LINES": "24"},
        start_new_session=True,
    )
    os.close(theirs)
    try:
        shown = b""
        while b"connection refused" not in shown:
            shown += os.read(ours, 65536)
        os.close(ours)
        assert process.wait(DEADLINE) == EXIT_CODE
    finally:
        process.kill()
        process.wait()
