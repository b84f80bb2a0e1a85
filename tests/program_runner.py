"""Run programs in forks of one process, and report what each prints and does.

    python -m tests.program_runner < orders

Each order is a module with arguments; the answer to each is a `Run`. A fork runs the module as
`python -m` does. It has imported the modules of all programs before, so that the runs of all
programs take less time than two new processes.
"""

from __future__ import annotations

import contextlib
import gc
import importlib
import json
import os
import runpy
import sys
import tempfile
from pathlib import Path
from typing import Any, NamedTuple, NoReturn

from kraken_book.commands import COMMANDS

# Audit events of actions that outlive the process or can be seen from outside.
ACTIONS = (
    "os.chmod", "os.chown", "os.exec", "os.fork", "os.link", "os.mkdir", "os.posix_spawn",
    "os.remove", "os.rename", "os.rmdir", "os.symlink", "os.system", "os.truncate",
    "shutil", "socket.bind", "socket.connect", "socket.getaddrinfo", "subprocess.Popen", "tempfile",
)  # fmt: skip


class Run(NamedTuple):
    """The end of a program, and its actions."""

    code: int
    out: str
    error: str
    actions: list[str]


def actions_of(event: str, arguments: tuple[Any, ...]) -> str | None:
    """Return the description of an action that an audit event shows, or None."""
    if event.startswith(ACTIONS):
        return f"{event} {arguments!r}"
    if event == "open":
        path, mode, flags = arguments
        is_writing = any(letter in str(mode) for letter in "wax+") if mode else flags & 3
        if is_writing and path != os.devnull:
            return f"open {path!r} {mode}"
    return None


def run(module: str, arguments: list[str]) -> Run:
    """Run a program in a fork."""
    with (
        tempfile.TemporaryFile("w+") as out,
        tempfile.TemporaryFile("w+") as error,
        tempfile.TemporaryFile("w+") as actions,
    ):
        child = os.fork()
        if child == 0:
            os.dup2(out.fileno(), 1)
            os.dup2(error.fileno(), 2)
            _run_and_exit(module, arguments, actions.fileno())
        _, status = os.waitpid(child, 0)
        for file in (out, error, actions):
            file.seek(0)
        code = os.waitstatus_to_exitcode(status)
        return Run(code, out.read(), error.read(), actions.read().splitlines())


def _run_and_exit(module: str, arguments: list[str], actions: int) -> NoReturn:
    def note(event: str, given: tuple[Any, ...]) -> None:
        if action := actions_of(event, given):
            os.write(actions, f"{action}\n".encode())

    sys.argv[1:] = arguments
    # Otherwise runpy warns that the program was imported before.
    for name in (module, f"{module}.__main__"):
        sys.modules.pop(name, None)
    sys.addaudithook(note)
    code: object = 0
    try:
        runpy.run_module(module, run_name="__main__", alter_sys=True)
    except SystemExit as ended:
        code = ended.code
    except BaseException:  # noqa: BLE001 - as the interpreter does at its end
        sys.excepthook(*sys.exc_info())
        code = 1
    with contextlib.suppress(OSError, ValueError):
        sys.stdout.flush()
        sys.stderr.flush()
    os._exit(code if isinstance(code, int) else int(code is not None))


def main() -> None:
    """Answer the orders of standard input."""
    sys.dont_write_bytecode = True
    orders: list[tuple[str, list[str]]] = json.load(sys.stdin)
    # A search for garbage in a fork would copy all memory.
    gc.disable()
    for module in {module for module, _ in orders}:
        with contextlib.suppress(SystemExit):
            importlib.import_module(module)
        with contextlib.suppress(ImportError):
            importlib.import_module(f"{module}.__main__")
    for command in COMMANDS.values():
        importlib.import_module(command.module)
    gc.freeze()
    # A start of a service would fail with these settings.
    os.environ |= {"REDIS_URL": "http://x", "KRAKEN_DEPTH": "27", "COLUMNS": "100"}
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        Path(".env").write_bytes(b"\xff")
        answers = [run(module, arguments) for module, arguments in orders]
        json.dump(answers, sys.stdout)
        os.chdir("/")


if __name__ == "__main__":
    main()
