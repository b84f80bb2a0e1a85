"""The hashes of the dependencies are of the tested versions, and name no host."""

from __future__ import annotations

import re

import pytest

from lab.process import ROOT
from tools.supply.lock import ALL, IMAGE, IMAGE_PYTHON, normal, pinned_versions

CONSTRAINTS = pinned_versions((ROOT / "constraints.txt").read_text())


def test_hashes_are_of_exactly_the_constrained_versions() -> None:
    assert pinned_versions((ROOT / ALL).read_text()) == CONSTRAINTS, "run `make lock`"


def test_image_has_constrained_versions_of_every_package_of_the_services() -> None:
    found = pinned_versions((ROOT / IMAGE).read_text())
    assert found.items() <= CONSTRAINTS.items(), "run `make lock`"
    text = (ROOT / "pyproject.toml").read_text()
    (services,) = re.findall(r"^services = \[\n(.*?)^\]", text, re.MULTILINE | re.DOTALL)
    wanted = {normal(name) for name in re.findall(r'^    "([\w.-]+)', services, re.MULTILINE)}
    assert wanted <= found.keys()


@pytest.mark.parametrize("name", [ALL, IMAGE])
def test_every_package_has_hashes_and_no_line_names_a_host(name: str) -> None:
    text = (ROOT / name).read_text()
    assert "://" not in text
    assert "--index" not in text
    packages = re.split(r"\n(?=\S)", text.partition("\n")[2].strip())
    bare = [each for each in packages if not re.search(r"--hash=sha256:[0-9a-f]{64}\b", each)]
    assert (len(packages), bare) == (len(pinned_versions(text)), [])


def test_image_accepts_only_files_with_these_hashes() -> None:
    text = (ROOT / "Dockerfile").read_text()
    installs = re.findall(r"pip (?:wheel|install) [^&]+", text)
    assert installs
    for install in installs:
        assert "--require-hashes" in install or "--no-index" in install, install
    assert f"ARG PYTHON_IMAGE=python:{IMAGE_PYTHON}-slim" in text
