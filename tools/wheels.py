"""Refuse wheels whose tag and content differ: `python -m tools.wheels dist/*.whl`.

A wheel for one platform must contain the compiled extension, and `py3-none-any` must not. The
release workflow runs this before it publishes.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from zipfile import ZipFile

from tools.console import options_parser

PURE_TAG = "py3-none-any"
EXTENSION = "kraken_book/_speedups.abi3.so"
ABI_TAG = "cp311-abi3"
EXIT_CODES = {
    0: "every wheel is right",
    1: "a wheel is wrong or missing; one line each shows why",
    2: "an argument is invalid",
}


def fault(wheel: Path) -> str | None:
    """Return what is wrong with a wheel, or None."""
    names = ZipFile(wheel).namelist()
    binaries = [name for name in names if name.endswith((".so", ".pyd", ".dylib"))]
    tag = "-".join(wheel.stem.split("-")[-3:])
    if tag == PURE_TAG:
        return f"is for every platform, but contains {binaries[0]}" if binaries else None
    if not tag.startswith(f"{ABI_TAG}-"):
        return f"has the tag {tag}, which is neither {PURE_TAG} nor {ABI_TAG} and a platform"
    if binaries != [EXTENSION]:
        return f"is for one platform, but does not contain {EXTENSION} alone"
    return None


def main(arguments: Sequence[str] | None = None) -> int:
    """Print each fault; return 1 if there is one or if there is no wheel for every platform."""
    assert __doc__
    parser = options_parser("wheels", __doc__, EXIT_CODES)
    parser.add_argument("wheels", nargs="+", type=Path, metavar="WHEEL", help="a file of dist/")
    wheels: list[Path] = parser.parse_args(arguments).wheels
    faults = [f"{wheel.name} {text}" for wheel in wheels if (text := fault(wheel)) is not None]
    if not any(wheel.stem.endswith(PURE_TAG) for wheel in wheels):
        faults.append(f"no wheel is {PURE_TAG}, which all other platforms need")
    for line in faults:
        sys.stderr.write(f"wheels: {line}\n")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
