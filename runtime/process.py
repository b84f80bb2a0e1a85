"""Signals, standard descriptors and the parent of a process.

Programs import this module before all others, so that they handle signals while the rest loads.
Therefore it imports little.
"""

from __future__ import annotations

import ctypes
import gc
import os
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from importlib.util import find_spec
from types import FrameType
from typing import NoReturn

STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
"""The signals that end a program: Ctrl-C, SIGTERM, and SIGHUP when the terminal is closed."""

_PR_SET_PDEATHSIG = 1

# The packages of this project. A missing module of one of them is a fault, not a missing extra.
_PACKAGES = {"kraken_book", "runtime", "collector", "api", "simulator", "launcher"}

# Loaded at import, because few calls are safe between fork and exec.
_libc = ctypes.CDLL(None) if sys.platform == "linux" else None


def active_stop_signals() -> list[signal.Signals]:
    """Return the stop signals that end this process; under `nohup`, SIGHUP stays ignored."""
    return [
        number
        for number in STOP_SIGNALS
        if number != signal.SIGHUP or signal.getsignal(number) != signal.SIG_IGN
    ]


def handle_stop_signals(handler: Callable[[int, FrameType | None], object]) -> None:
    """Call `handler` at each stop signal."""
    for number in active_stop_signals():
        signal.signal(number, handler)


def exit_at_stop_signals() -> None:
    """Exit with 0 and without a traceback at each stop signal; use it while a program loads."""
    handle_stop_signals(_exit)


@contextmanager
def loading(program: str) -> Iterator[None]:
    """Return the context in which a program imports its modules.

    A stop signal ends the program. Garbage collection is off, and the loaded objects are frozen at
    the end: modules leave little garbage, and a search would slow the start down. If a dependency
    is missing, the program exits with 2 and one line that names the extra.

    Args:
        program: The program's name for `python -m`.

    Raises:
        ModuleNotFoundError: A module of this project is missing.

    """
    exit_at_stop_signals()
    gc.disable()
    try:
        yield
    except ModuleNotFoundError as error:
        module = (error.name or "").partition(".")[0]
        if not module or module in _PACKAGES:
            raise
        sys.exit(_exit_without(program, module))
    finally:
        gc.freeze()
        gc.enable()


def require_modules(program: str, *modules: str) -> None:
    """Exit with 2 and one line if one of `modules`, which an extra brings, is not installed.

    For programs that cannot import everything within `loading`.
    """
    for module in modules:
        if find_spec(module) is None:
            sys.exit(_exit_without(program, module))


def _exit_without(program: str, module: str) -> int:
    if sys.stderr is not None:
        with suppress(OSError):
            sys.stderr.write(
                f"python -m {program} needs {module}:"
                " pip install 'kraken-book[services]' (in a clone: make install)\n"
            )
    return 2


def _exit(_number: int, _frame: FrameType | None) -> NoReturn:
    sys.exit(0)


@contextmanager
def stop_signals_blocked() -> Iterator[None]:
    """Block stop signals within the context.

    Use it around a fork that runs Python code in the child. The child inherits the parent's
    handlers, which must not run there. `become_child` unblocks the signals in the child.
    """
    mask = signal.pthread_sigmask(signal.SIG_BLOCK, STOP_SIGNALS)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, mask)


def become_child() -> None:
    """Prepare a child between fork and exec: it dies with its parent, and stop signals end it.

    Use it as `preexec_fn` within `stop_signals_blocked`.
    """
    die_with_parent()
    for number in active_stop_signals():
        signal.signal(number, signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, STOP_SIGNALS)


def die_with_parent() -> None:
    """Make the kernel kill this process when the thread that forked it ends; exec keeps this.

    Only Linux can do that. On other systems nothing happens, and children survive a SIGKILL of
    their parent.
    """
    if _libc is not None:
        _libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


def hold_standard_descriptors() -> None:
    """Open /dev/null for each standard descriptor that is closed.

    Otherwise the next socket gets its number, and text that a library prints is sent to Redis or to
    a client.
    """
    for descriptor in range(3):
        try:
            os.fstat(descriptor)
        except OSError:
            # The system assigns the lowest free number, which is this one.
            os.open(os.devnull, os.O_RDWR)
