"""Build the sdist and the pure wheel twice, and compare them byte by byte: `make reproducible`.

Both builds start from a copy of the committed files with other times and another path. The time in
the archives is that of the commit: `SOURCE_DATE_EPOCH`.
"""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Sequence
from io import BytesIO
from pathlib import Path

from lab.process import ROOT
from tools.console import options_parser

EXIT_CODES = {
    0: "both builds are the same",
    1: "they differ, or a build failed",
    2: "an argument is invalid",
}


def digests(folder: Path) -> dict[str, str]:
    """Return the SHA-256 of each file in a folder, by name."""
    return {
        path.name: hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.iterdir())
    }


def build(source: Path, number: int) -> dict[str, str]:
    """Build in a copy of the committed files; return the digests of what `make dist` makes.

    Args:
        source: The folder for the copy.
        number: Of the build: its files are so many days old.

    Returns:
        The digests by file.

    """
    packed = subprocess.run(
        ["git", "-C", str(ROOT), "archive", "HEAD"], capture_output=True, check=True
    ).stdout
    with tarfile.open(fileobj=BytesIO(packed)) as archive:
        archive.extractall(source, filter="data")
    time = int(commit_time()) - number * 86_400
    for path in source.rglob("*"):
        os.utime(path, (time, time))
    # The tools of this environment, which is also why nothing is installed.
    (source / ".venv").symlink_to(ROOT / ".venv", target_is_directory=True)
    subprocess.run(
        ["make", "--silent", "--old-file=.venv/.installed", "dist"],
        cwd=source,
        env=os.environ | {"SOURCE_DATE_EPOCH": commit_time(), "PYTHONPATH": str(source)},
        stdout=subprocess.DEVNULL,
        check=True,
    )
    return digests(source / "dist")


def commit_time() -> str:
    """Return the Unix time of the current commit."""
    ended = subprocess.run(
        ["git", "-C", str(ROOT), "log", "-1", "--format=%ct"], capture_output=True, check=True
    )
    return ended.stdout.decode().strip()


def main(arguments: Sequence[str] | None = None) -> int:
    """Build twice; return the exit code."""
    assert __doc__
    options_parser("supply.twice", __doc__, EXIT_CODES).parse_args(arguments)
    with tempfile.TemporaryDirectory() as folder:
        try:
            first, second = (build(Path(folder, f"build-{each}"), each) for each in (1, 2))
        except (OSError, subprocess.CalledProcessError) as error:
            print(f"reproducible: {error}", file=sys.stderr)
            return 1
    for name in first.keys() | second.keys():
        if first.get(name) != second.get(name):
            print(f"reproducible: {name} differs", file=sys.stderr)
    for name, digest in first.items():
        print(f"{digest}  {name}")
    return 0 if first and first == second else 1


if __name__ == "__main__":
    sys.exit(main())
