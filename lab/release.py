"""The last release of this project, from the history of this clone, to run it beside this one.

It is the newest tag `v…` below the current commit. Without tags it is the commit that wrote the
present version. Its source is unpacked into a folder, and runs in this process's environment:
`PYTHONPATH` with that folder precedes the installed source.
"""

from __future__ import annotations

import io
import subprocess
import tarfile
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from lab.fork_server import ROOT

PACKAGES = ("kraken_book", "runtime", "collector", "api")
VERSION_FILE = "kraken_book/__init__.py"
GIT_TIMEOUT = 30.0


class NoReleaseError(RuntimeError):
    """The last release is not known here; the message has the reason."""


class Release(NamedTuple):
    """The unpacked source of a release."""

    name: str
    folder: Path


def unpack_last_release(folder: Path, root: Path = ROOT) -> Release:
    """Unpack the source of the last release.

    Args:
        folder: The folder to unpack it into.
        root: The clone.

    Returns:
        The release; its name is the tag, or the commit's short hash. `last_release` raises
        NoReleaseError if this clone does not know it.

    """
    commit = last_release(root)
    packed = _git(root, "archive", commit, "--", *PACKAGES)
    with tarfile.open(fileobj=io.BytesIO(packed)) as archive:
        archive.extractall(folder, filter="data")
    return Release(commit if commit.startswith("v") else commit[:10], folder)


def last_release(root: Path = ROOT) -> str:
    """Return the tag or the commit of the last release; raise NoReleaseError without one."""
    if not (root / ".git").exists():
        raise NoReleaseError("this is no git clone, so the last release is not known")
    head = _lines(root, "rev-parse", "HEAD")[0]
    tagged = _lines(
        root,
        *("for-each-ref", "--merged=HEAD", "--sort=-v:refname"),
        *("--format=%(refname:short) %(objectname) %(*objectname)", "refs/tags/v*"),
    )
    for name, *commits in map(str.split, tagged):
        if head not in commits:
            return name
    written = _lines(root, "log", "--format=%H", "-G^__version__ =", "--", VERSION_FILE)
    # In a shallow clone the oldest commit seems to have written everything.
    shallow = root / _lines(root, "rev-parse", "--git-path", "shallow")[0]
    oldest = set(shallow.read_text().split()) if shallow.exists() else set()
    for commit in written:
        if commit != head and commit not in oldest:
            return commit
    reason = "the history of this clone is shallow" if oldest else "there is no release before this"
    raise NoReleaseError(f"{reason}: git fetch --unshallow --tags")


def _lines(root: Path, *arguments: str) -> Sequence[str]:
    return _git(root, *arguments).decode().splitlines()


def _git(root: Path, *arguments: str) -> bytes:
    try:
        ended = subprocess.run(
            ["git", "-C", str(root), *arguments],
            stdin=subprocess.DEVNULL, capture_output=True, timeout=GIT_TIMEOUT, check=True,
        )  # fmt: skip
    except FileNotFoundError:
        raise NoReleaseError("git is not installed, so the last release is not known") from None
    except subprocess.CalledProcessError as error:
        raise NoReleaseError(f"git {arguments[0]}: {error.stderr.decode()[:200]}") from None
    return ended.stdout
