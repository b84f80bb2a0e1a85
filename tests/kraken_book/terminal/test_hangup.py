"""A terminal that is gone ends the program, with or without a signal."""

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


class WatchRecord:
    """Records the calls of a watch."""

    def __init__(self) -> None:
        self.calls: list[str] = []
        self.ended = threading.Event()

    def hang_up(self) -> None:
        self.calls.append("hangup")

    def end(self, code: int) -> None:
        self.calls.append(f"end {code}")
        self.ended.set()


def test_program_that_does_not_exit_in_time_is_ended() -> None:
    checks = iter([False, False, True])
    record = WatchRecord()
    watch = HangupWatch(record.hang_up, lambda: next(checks), record.end, interval=0.0, grace=0.0)
    watch.start()
    assert record.ended.wait(DEADLINE)
    assert record.calls == ["hangup", f"end {EXIT_CODE}"]


def test_stopped_watch_does_not_end_the_program() -> None:
    record, checked = WatchRecord(), threading.Event()

    def is_gone() -> bool:
        checked.set()
        return False

    watch = HangupWatch(record.hang_up, is_gone, record.end, interval=DEADLINE)
    watch.start()
    assert checked.wait(DEADLINE)
    watch.stop()
    assert record.calls == []


# The system sends SIGHUP only if the terminal is the controlling one.
@pytest.mark.process
@pytest.mark.parametrize("is_controlling", [True, False])
def test_terminal_exits_when_its_tty_is_gone(is_controlling: bool) -> None:
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
