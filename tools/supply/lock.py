"""Write the hashes of the dependencies: `make lock`.

`constraints-hashes.txt` has those of all versions in constraints.txt, and
`deploy/image-requirements.txt` those of the packages in the image. Both have the hashes of all
files of a version, so that they are the same for each platform. uv reads them from the index that
pip is configured to use, and neither file names a host.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from lab.process import ROOT
from tools.console import options_parser

ALL = "constraints-hashes.txt"
IMAGE = "deploy/image-requirements.txt"
IMAGE_PYTHON = "3.12"
HEAD = "# Written by `make lock` from {source}: do not edit.\n"
EXIT_CODES = {
    0: "both files are written",
    1: "the index does not answer, or a version is not there",
    2: "an argument is invalid",
}
_INPUTS = {
    ALL: ("--no-deps", "constraints.txt"),
    IMAGE: (
        *("--extra", "services", "--constraint", "constraints.txt"),
        *("--python-version", IMAGE_PYTHON, "pyproject.toml"),
    ),
}
# The settings of pip that name the index and the certificates, with those of uv.
_SETTINGS = {"index-url": "UV_DEFAULT_INDEX", "cert": "SSL_CERT_FILE"}


class NoLockError(RuntimeError):
    """The hashes cannot be read; the message has the reason."""


def normal(name: str) -> str:
    """Return the normal form of a package's name, by which names are compared."""
    return re.sub(r"[-_.]+", "-", name).lower()


def pinned_versions(text: str) -> dict[str, str]:
    """Return the versions of a file of requirements by the normal names of the packages."""
    found = re.findall(r"^([\w.-]+)==([\w.+!-]+)", text, re.MULTILINE)
    return {normal(name): version for name, version in found}


def compiled(arguments: Sequence[str]) -> str:
    """Return the requirements with their hashes.

    Raises:
        NoLockError: uv has failed, or names a host.

    """
    options = ("--generate-hashes", "--no-header", "--no-annotate", "--quiet")
    ended = subprocess.run(
        [sys.executable, "-m", "uv", "pip", "compile", *options, *arguments],
        cwd=ROOT, env=os.environ | _settings_of_pip(), capture_output=True, text=True, check=False,
    )  # fmt: skip
    if ended.returncode:
        raise NoLockError(ended.stderr.strip()[-500:])
    if "://" in ended.stdout:
        raise NoLockError("the hashes would name a host")
    return ended.stdout


def _settings_of_pip() -> dict[str, str]:
    found = {}
    for name, variable in _SETTINGS.items():
        for section in (":env:", "global", "install"):
            ended = subprocess.run(
                [sys.executable, "-m", "pip", "config", "get", f"{section}.{name}"],
                capture_output=True, text=True, check=False,
            )  # fmt: skip
            if ended.returncode == 0:
                found[variable] = ended.stdout.strip()
                break
    return found


def main(arguments: Sequence[str] | None = None) -> int:
    """Write both files; return the exit code."""
    assert __doc__
    options_parser("supply.lock", __doc__, EXIT_CODES).parse_args(arguments)
    for name, inputs in _INPUTS.items():
        try:
            text = compiled(inputs)
        except NoLockError as error:
            print(f"lock: {name} is left unchanged: {error}", file=sys.stderr)
            return 1
        Path(ROOT, name).write_text(HEAD.format(source=inputs[-1]) + text)
        print(f"{name}: {len(pinned_versions(text))} packages")
    return 0


if __name__ == "__main__":
    sys.exit(main())
