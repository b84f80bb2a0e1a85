"""The version is written once, in `kraken_book/__init__.py`; all else reads it."""

from __future__ import annotations

import json
import re
import subprocess
import tomllib
from typing import Any, cast

import httpx
import pytest
import yaml
from starlette.requests import Request

from api.delivery.streams import Streams
from api.http.ops import Ops
from api.store.book_store import BookStore
from collector.report.ops import make_ops_app
from collector.report.readiness import LeadReadiness
from collector.report.reporter import Reporter
from kraken_book import __version__
from kraken_book.contract.version import CONTRACT
from lab.process import ROOT

VERSION_NUMBER = re.compile(r"(?<![\d.])\d+\.\d+\.\d+(?![\d.])")


class DescribedCollector:
    """A reporter of a collector that has nothing to report."""

    def describe(self) -> dict[str, object]:
        return {"epoch": 1}


def test_project_reads_version_from_the_package() -> None:
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text())
    assert settings["project"]["dynamic"] == ["version"]
    attribute = settings["tool"]["setuptools"]["dynamic"]["version"]["attr"]
    assert attribute == "kraken_book.__version__"


def test_changelog_has_a_dated_section_for_the_version() -> None:
    headings = re.findall(r"^## (.+)$", (ROOT / "CHANGELOG.md").read_text(), re.MULTILINE)
    assert headings[0] == "Unreleased"
    assert re.fullmatch(rf"{re.escape(__version__)} - \d{{4}}-\d\d-\d\d", headings[1])


def test_dockerfile_contains_no_version_number() -> None:
    text = (ROOT / "Dockerfile").read_text()
    assert "ARG VERSION=unknown\n" in text
    assert 'org.opencontainers.image.version="$VERSION"' in text
    assert VERSION_NUMBER.findall(text) == []


def test_compose_file_passes_version_to_the_build() -> None:
    compose: dict[str, Any] = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
    arguments = compose["services"]["api"]["build"]["args"]
    assert arguments["VERSION"] == "${VERSION:-unknown}"


@pytest.mark.process
def test_make_version_prints_the_version() -> None:
    ended = subprocess.run(
        ["make", "--no-print-directory", "version"],
        cwd=ROOT, capture_output=True, text=True, timeout=180, check=False,
    )  # fmt: skip
    assert (ended.stdout, ended.stderr) == (f"{__version__}\n", "")


async def test_healthz_of_api_has_the_version() -> None:
    ops = Ops(cast(BookStore, None), cast(Streams, None))
    response = await ops.healthz(Request({"type": "http"}))
    assert json.loads(bytes(response.body)) == {
        "status": "ok",
        "version": __version__,
        "contract": str(CONTRACT),
    }


async def test_healthz_of_collector_has_the_version() -> None:
    app = make_ops_app(cast(Reporter, DescribedCollector()), cast(LeadReadiness, None), "0.0.0.0")
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app=app)) as client:
        response = await client.get("http://collector/healthz")
    assert response.json() == {"status": "ok", "version": __version__, "epoch": 1}
