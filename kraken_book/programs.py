"""End programs of the command line quietly or with one line, never with a traceback."""

from __future__ import annotations

import os
import select
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from kraken_book.errors import Refused, Unreachable, Unusable
from kraken_book.printable import printable

INTERRUPTED = 128 + signal.SIGINT


@contextmanager
def ends_quietly(name: str, interrupted: int = INTERRUPTED) -> Iterator[None]:
    """Let what is inside end as programs in a pipeline do.

    Ctrl-C and a reader of stdout that has gone (`| head`) end it without a word. A full disk, a
    closed stdout, or a refusal of the api is one line on stderr.

    Args:
        name: The program, for that line.
        interrupted: The exit code after Ctrl-C.

    Raises:
        SystemExit: Always, unless what is inside ends by itself.
    """
    # If stdout was closed before the start, print() would do nothing, without an error.
    if sys.stdout is None:
        raise SystemExit(_complain(name, "stdout is closed", 1))
    # What a terminal of another encoding cannot show is escaped instead of an error.
    with suppress(AttributeError):
        sys.stdout.reconfigure(errors="backslashreplace")  # type: ignore[union-attr]
    try:
        yield
        sys.stdout.flush()
    except KeyboardInterrupt:
        code = interrupted
    except BrokenPipeError:
        code = 0
    except (OSError, Refused, Unusable) as error:
        code = _complain(name, *_verdict(error))
    else:
        return
    _leave_stdout()
    raise SystemExit(code)


def is_reader_gone() -> bool:
    """Return whether nobody can read what is written to stdout any more."""
    if not hasattr(select, "poll"):
        return False
    poll = select.poll()
    try:
        poll.register(sys.stdout.fileno(), 0)
    except (OSError, ValueError):
        return False
    return bool(poll.poll(0))


def _verdict(error: OSError | Refused | Unusable) -> tuple[str, int]:
    """Return what to say of an error, and the exit code."""
    if isinstance(error, Unreachable):
        return str(error), 1
    if isinstance(error, OSError):
        return f"cannot write: {error.strerror or error}", 1
    return str(error), 2


def _complain(name: str, what: str, code: int) -> int:
    if sys.stderr is not None:
        with suppress(OSError):
            sys.stderr.write(f"{name}: {printable(what)}\n")
    return code


def _leave_stdout() -> None:
    """Write what can be written, and let the interpreter not try again at its end."""
    try:
        sys.stdout.flush()
    except (OSError, ValueError):
        with suppress(OSError, ValueError):
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
