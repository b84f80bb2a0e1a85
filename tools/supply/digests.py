"""Pin the images of the containers by their digests: `make digests`.

It asks the registries, through docker, for the digest of each image in docker-compose.yml and in
the Dockerfile, and writes `deploy/images.yml`. Compose uses the digests with
`docker compose -f docker-compose.yml -f deploy/images.yml up`. The file is not in the repository,
because the digests age: make it on the machine that deploys, and keep it with its settings.
"""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import yaml

from lab.process import ROOT
from tools.console import options_parser

RESULT = ROOT / "deploy" / "images.yml"
BASE_VARIABLE = "PYTHON_IMAGE"
EXIT_CODES = {
    0: "the file has the digest of every image",
    1: "docker or a registry does not answer; no file is written",
    2: "an argument is invalid",
}
_HEAD = (
    "# Written by `make digests`. docker compose -f docker-compose.yml -f deploy/images.yml up\n"
)
_DIGEST = re.compile(r"sha256:[0-9a-f]{64}")


class NoDigestError(RuntimeError):
    """The digest of an image is not known; the message has the reason."""


def base_image(dockerfile: str) -> str:
    """Return the image that the Dockerfile begins with."""
    (name,) = re.findall(rf"^ARG {BASE_VARIABLE}=(\S+)$", dockerfile, re.MULTILINE)
    return str(name)


def ask_docker(image: str) -> str:
    """Return the digest of an image.

    Raises:
        NoDigestError: docker is not installed, or the registry does not answer.

    """
    command = ["docker", "buildx", "imagetools", "inspect", image]
    try:
        ended = subprocess.run(
            [*command, "--format", "{{.Manifest.Digest}}"],
            capture_output=True, text=True, timeout=60, check=False,
        )  # fmt: skip
    except FileNotFoundError:
        raise NoDigestError("docker is not installed") from None
    except subprocess.TimeoutExpired:
        raise NoDigestError(f"{image}: no answer within 60 s") from None
    digest = ended.stdout.strip()
    if ended.returncode or not _DIGEST.fullmatch(digest):
        raise NoDigestError(f"{image}: {ended.stderr.strip()[:300] or 'no digest'}")
    return digest


def pinned(
    compose: Mapping[str, Any], base: str, digest_of: Callable[[str], str]
) -> dict[str, dict[str, Any]]:
    """Return what the override file has for each service.

    Args:
        compose: The compose file.
        base: The image on which ours is built.
        digest_of: Returns the digest of an image.

    """
    services: dict[str, dict[str, Any]] = {}
    for name, service in compose["services"].items():
        if "build" in service:
            arguments = {BASE_VARIABLE: f"{base}@{digest_of(base)}"}
            services[name] = {"build": {"args": arguments}}
        elif "$" not in service["image"]:
            services[name] = {"image": f"{service['image']}@{digest_of(service['image'])}"}
    return services


def main(arguments: Sequence[str] | None = None) -> int:
    """Write the file; return the exit code."""
    assert __doc__
    options_parser("supply.digests", __doc__, EXIT_CODES).parse_args(arguments)
    compose = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
    try:
        found = pinned(compose, base_image((ROOT / "Dockerfile").read_text()), ask_docker)
    except NoDigestError as error:
        print(f"digests: nothing is written: {error}", file=sys.stderr)
        return 1
    RESULT.write_text(_HEAD + yaml.safe_dump({"services": found}, sort_keys=False))
    print(f"{RESULT.name}: {len(found)} services")
    return 0


if __name__ == "__main__":
    sys.exit(main())
