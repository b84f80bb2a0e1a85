"""What a program does as a process of the system: its signals, descriptors and parent.

Programs import this before anything else, to be ready for signals while the rest loads. So it
imports little.
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
"""What ends a program: Ctrl-C, SIGTERM, and SIGHUP from a terminal that was closed."""

_PR_SET_PDEATHSIG = 1

# If a module of these is missing, something else is wrong than an extra that is not installed.
_PACKAGES = {"kraken_book", "runtime", "collector", "api", "simulator", "launcher"}

# Looked up here, because between fork and exec little is safe to do.
_libc = ctypes.CDLL(None) if sys.platform == "linux" else None


def heeded_stop_signals() -> list[signal.Signals]:
    """Return the stop signals that end this process: under nohup, SIGHUP stays ignored."""
    return [
        number
        for number in STOP_SIGNALS
        if number != signal.SIGHUP or signal.getsignal(number) != signal.SIG_IGN
    ]


def handle_stop_signals(handler: Callable[[int, FrameType | None], object]) -> None:
    """Call `handler` at each stop signal."""
    for number in heeded_stop_signals():
        signal.signal(number, handler)


def exit_at_stop_signals() -> None:
    """Exit with 0 at each stop signal, without a traceback; for the time before anything runs."""
    handle_stop_signals(_exit)


@contextmanager
def loading(program: str) -> Iterator[None]:
    """Hold while a program imports its modules: a stop signal ends it, as nothing runs yet.

    A module of another project that is missing ends it with 2 and one line that names the extra.

    No garbage is searched for meanwhile, and never in what was loaded. Modules leave little, and
    the search would take a sixth of a service's start (bench.suites.start).

    Args:
        program: The argument of `python -m`.

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
    """Hold stop signals back until the context ends.

    For the moment of a fork that runs Python in the child: the child has the handlers of its
    parent, and one of them would act in the middle of it. `become_child` lets them through again.
    """
    mask = signal.pthread_sigmask(signal.SIG_BLOCK, STOP_SIGNALS)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, mask)


def become_child() -> None:
    """Prepare a child between fork and exec: it dies with its parent, and stop signals end it.

    For `preexec_fn` within `stop_signals_blocked`.
    """
    die_with_parent()
    for number in heeded_stop_signals():
        signal.signal(number, signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, STOP_SIGNALS)


def die_with_parent() -> None:
    """Have the kernel kill this process when the thread that started it ends; it survives exec.

    Linux alone can do that. Elsewhere this does nothing, and a SIGKILL of the parent leaves its
    children behind.
    """
    if _libc is not None:
        _libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


def hold_standard_descriptors() -> None:
    """Open /dev/null in place of each standard descriptor that is closed.

    Otherwise the next socket that is opened gets its number, and whatever a library prints goes
    to Redis or to a client.
    """
    for descriptor in range(3):
        try:
            os.fstat(descriptor)
        except OSError:
            # Takes the lowest number that is free, which is this one.
            os.open(os.devnull, os.O_RDWR)
