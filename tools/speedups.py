"""Print whether the hot path of a frame is compiled, and why not: `python -m tools.speedups`.

`make install` prints it. A build without a C compiler succeeds, so nothing else would tell. With
`--missing` it prints only what a build needs and this machine does not have.
"""

from __future__ import annotations

import os
import shlex
import shutil
import sys
import sysconfig
from importlib import import_module
from pathlib import Path

from tools.console import options_parser

MODULE = "kraken_book._speedups"
NO_COMPILER = "there is no C compiler"
NO_HEADERS = "Python's headers are not installed"
FREE_THREADED = "a free-threaded Python has no stable ABI for it"
NOT_BUILT = "its build failed, and .venv/bin/python setup.py build_ext shows why"
HELP = {
    NO_COMPILER: "To compile it: apt-get install gcc python3-dev, or similar, then make -B install",
    NO_HEADERS: "To compile it: apt-get install python3-dev, or similar, then make -B install",
}


def reason_of_absence(module: str = MODULE) -> str | None:
    """Return why the compiled module cannot be imported, or None if it can."""
    try:
        import_module(module)
    except ModuleNotFoundError:
        return missing_tool() or NOT_BUILT
    except ImportError as error:
        return f"it cannot be loaded ({error})"
    return None


def missing_tool() -> str | None:
    """Return what a build of the module needs and this machine does not have, or None."""
    if sysconfig.get_config_var("Py_GIL_DISABLED"):
        return FREE_THREADED
    compiler = shlex.split(os.environ.get("CC") or sysconfig.get_config_var("CC") or "cc")
    if shutil.which(compiler[0]) is None:
        return NO_COMPILER
    headers = Path(sysconfig.get_path("include"), "Python.h")
    return None if headers.exists() else NO_HEADERS


def describe(module: str = MODULE) -> str:
    """Return one line for people."""
    reason = reason_of_absence(module)
    if reason is None:
        return "compiled hot path: yes"
    line = f"compiled hot path: no, because {reason}. It runs in Python, with the same results."
    return " ".join(filter(None, (line, HELP.get(reason))))


def main() -> None:
    """Print what the command line asks for."""
    parser = options_parser(
        "speedups",
        "Print whether the hot path of a frame is compiled, and why not.",
        {0: "in each case", 2: "an argument is invalid"},
        {"CC": "the C compiler that a build uses"},
    )
    parser.add_argument(
        "--missing", action="store_true", help="print only what a build needs and is not here"
    )
    text = missing_tool() if parser.parse_args().missing else describe()
    sys.stdout.write(f"{text}\n" if text else "")


if __name__ == "__main__":
    main()
