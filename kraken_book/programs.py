"""End command-line programs silently or with one line on stderr, never with a traceback."""

from __future__ import annotations

import os
import select
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from kraken_book.errors import KrakenBookError
from kraken_book.printable import printable

__all__ = ["ends_quietly", "is_reader_gone"]

INTERRUPTED = 128 + signal.SIGINT


@contextmanager
def ends_quietly(name: str, interrupted: int = INTERRUPTED) -> Iterator[None]:
    """Run the body of a program, and end it the way programs in a pipeline end.

    Ctrl-C and a closed pipe (`| head`) end the program silently. A full disk, a closed stdout or an
    error of the library ends it with one line on stderr.

    Args:
        name: The program's name, for that line.
        interrupted: The exit code after Ctrl-C.

    Yields:
        Nothing; the body runs here.

    Raises:
        SystemExit: The body raised an error, or stdout is closed.
    """
    # If stdout was closed before the start, print() would do nothing, without an error.
    if sys.stdout is None:
        raise SystemExit(_write_error(name, "stdout is closed", 1))
    # Escape characters that the terminal's encoding lacks, instead of raising an error.
    with suppress(AttributeError):
        sys.stdout.reconfigure(errors="backslashreplace")  # type: ignore[union-attr]
    try:
        yield
        sys.stdout.flush()
    except KeyboardInterrupt:
        code = interrupted
    except BrokenPipeError:
        code = 0
    except (OSError, KrakenBookError) as error:
        code = _write_error(name, *_message_and_code(error))
    else:
        return
    _abandon_stdout()
    raise SystemExit(code)


def is_reader_gone() -> bool:
    """Return whether the reader of stdout has closed it."""
    if not hasattr(select, "poll"):
        return False
    poll = select.poll()
    try:
        poll.register(sys.stdout.fileno(), 0)
    except (OSError, ValueError):
        return False
    return bool(poll.poll(0))


def _message_and_code(error: OSError | KrakenBookError) -> tuple[str, int]:
    """Return the message of an error, and the exit code: 1 if it may pass, else 2."""
    if isinstance(error, KrakenBookError):
        return str(error), 1 if error.is_transient else 2
    return f"cannot write: {error.strerror or error}", 1


def _write_error(name: str, message: str, code: int) -> int:
    if sys.stderr is not None:
        with suppress(OSError):
            sys.stderr.write(f"{name}: {printable(message)}\n")
    return code


def _abandon_stdout() -> None:
    """Flush stdout if possible; else discard it, so that the interpreter's exit does not fail."""
    try:
        sys.stdout.flush()
    except (OSError, ValueError):
        with suppress(OSError, ValueError):
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
