"""Fetch the page's third-party files from npm into `api/page/vendor`: `make vendor`.

`packages.json` there pins each package's version and the integrity hash of its archive, as npm
publishes it, and the SHA-256 of each file that is taken from it. An archive with another hash is
refused, and nothing is written.
"""

from __future__ import annotations

import base64
import hashlib
import json
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from tools.console import options_parser

FOLDER = Path(__file__).parents[1] / "api" / "page" / "vendor"
FETCH_TIMEOUT = 120
EXIT_CODES = {
    0: "every file is in its place",
    1: "a package cannot be fetched, or is not the pinned one",
    2: "an argument is invalid",
}


class VendorError(Exception):
    """A package cannot be fetched, or is not the pinned one."""


def read_packages(folder: Path) -> dict[str, Any]:
    """Return the pinned packages of a folder, by name."""
    packages: dict[str, Any] = json.loads((folder / "packages.json").read_text())
    return packages


def integrity_of(archive: bytes) -> str:
    """Return the hash of an archive as npm writes it."""
    return "sha512-" + base64.b64encode(hashlib.sha512(archive).digest()).decode()


def sha256_of(content: bytes) -> str:
    """Return the SHA-256 of a file's content."""
    return hashlib.sha256(content).hexdigest()


def find_changed(folder: Path) -> list[str]:
    """Return the committed files that are missing or differ from their pinned SHA-256."""
    return [
        file["to"]
        for package in read_packages(folder).values()
        for file in package["files"]
        if not (path := folder / file["to"]).is_file()
        or sha256_of(path.read_bytes()) != file["sha256"]
    ]


def unpack(archive: Path, package: Mapping[str, Any]) -> dict[str, bytes]:
    """Check an archive, and read its files.

    Returns:
        The files by their place in the folder.

    Raises:
        VendorError: The archive or a file in it does not have the pinned hash.
    """
    found = integrity_of(archive.read_bytes())
    if found != package["integrity"]:
        raise VendorError(f"the archive has {found}; pinned is {package['integrity']}")
    files = {}
    with tarfile.open(archive) as opened:
        for file in package["files"]:
            member = opened.extractfile(f"package/{file['from']}")
            content = b"" if member is None else member.read()
            if sha256_of(content) != file["sha256"]:
                raise VendorError(
                    f"{file['from']} has the SHA-256 {sha256_of(content)}; pinned is another"
                )
            files[file["to"]] = content
    return files


def fetch(name: str, version: str, into: Path) -> Path:
    """Download the archive of a package with npm.

    Returns:
        The path of the archive.

    Raises:
        VendorError: npm is missing or fails.
    """
    order = ["npm", "pack", f"{name}@{version}", "--silent", "--pack-destination", str(into)]
    try:
        done = subprocess.run(
            order, cwd=into, capture_output=True, text=True, timeout=FETCH_TIMEOUT, check=False
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise VendorError(f"npm does not run: {error}") from error
    if done.returncode != 0:
        raise VendorError(f"npm pack failed: {done.stderr.strip()[-500:]}")
    return into / done.stdout.split()[-1]


def main(arguments: Sequence[str] | None = None) -> int:
    """Fetch and write all packages; return the exit code."""
    assert __doc__
    options_parser("vendor", __doc__, EXIT_CODES).parse_args(arguments)
    for name, package in read_packages(FOLDER).items():
        try:
            with tempfile.TemporaryDirectory() as folder:
                files = unpack(fetch(name, package["version"], Path(folder)), package)
        except VendorError as error:
            sys.stderr.write(f"vendor: {name} {package['version']}: {error}\n")
            return 1
        for place, content in files.items():
            path = FOLDER / place
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
        print(f"{name} {package['version']}: {len(files)} files")
    return 0


if __name__ == "__main__":
    sys.exit(main())
