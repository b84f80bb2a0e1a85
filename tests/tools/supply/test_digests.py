"""The digests of images come from docker alone, and pin every image of the compose file."""

from __future__ import annotations

from typing import Any

import pytest
import yaml

from lab.process import ROOT
from tools.supply import digests
from tools.supply.digests import NoDigestError, ask_docker, base_image, pinned

COMPOSE: dict[str, Any] = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
DIGEST = "sha256:" + "ab" * 32


def test_every_service_is_pinned_to_the_digest_of_its_image() -> None:
    base = base_image((ROOT / "Dockerfile").read_text())
    found = pinned(COMPOSE, base, lambda _image: DIGEST)
    foreign = {
        name: service["image"]
        for name, service in COMPOSE["services"].items()
        if "build" not in service and "KRAKEN_BOOK_IMAGE" not in service["image"]
    }
    assert {name: f"{image}@{DIGEST}" for name, image in foreign.items()} == {
        name: service["image"] for name, service in found.items() if "image" in service
    }
    built = [service["build"]["args"] for service in found.values() if "build" in service]
    assert built
    assert all(each == {"PYTHON_IMAGE": f"{base}@{DIGEST}"} for each in built)


@pytest.mark.process
def test_without_docker_the_reason_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    with pytest.raises(NoDigestError, match="docker is not installed"):
        ask_docker("redis:8-alpine")


@pytest.mark.process
def test_failure_writes_no_file(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("PATH", "")
    before = digests.RESULT.exists()
    assert digests.main([]) == 1
    assert digests.RESULT.exists() == before
    assert "nothing is written: docker is not installed" in capsys.readouterr().err
