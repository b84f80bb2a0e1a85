"""`make up FEED=simulated` adds the simulator to the profiles that are chosen."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from lab.process import ROOT

pytestmark = pytest.mark.process

# In the place of Docker: it prints what it was given.
DOCKER = """#!/bin/sh
echo "$COMPOSE_PROFILES|$KRAKEN_URL|$1 $2"
"""
SIMULATOR = "ws://simulator:9443/v2"


def compose(folder: Path, *variables: str, **environment: str) -> list[str]:
    """Return profiles, address of Kraken and command of `make up` beside the .env of a folder."""
    docker = folder / "docker"
    docker.write_text(DOCKER)
    docker.chmod(0o755)
    outer = {name: value for name, value in os.environ.items() if "MAKE" not in name}
    for name in ("COMPOSE_PROFILES", "KRAKEN_URL", "FEED"):
        outer.pop(name, None)
    done = subprocess.run(
        ["make", "-f", str(ROOT / "Makefile"), "up", *variables],
        cwd=folder,
        env={**outer, "PATH": f"{folder}:{outer['PATH']}", **environment},
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout.splitlines()[0].split("|")


@pytest.mark.parametrize(
    ("file", "profiles"),
    [
        ("", "simulated"),
        ("COMPOSE_PROFILES=monitoring,coinbase\n", "simulated,monitoring,coinbase"),
        ('HTTP_PORT=1\nCOMPOSE_PROFILES="binance"', "simulated,binance"),
    ],
)
def test_simulated_feed_adds_to_the_profiles_of_the_file(
    file: str, profiles: str, tmp_path: Path
) -> None:
    (tmp_path / ".env").write_text(file)
    assert compose(tmp_path, "FEED=simulated") == [profiles, SIMULATOR, "compose up"]


def test_profiles_of_the_environment_precede_those_of_the_file(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("COMPOSE_PROFILES=monitoring\n")
    found = compose(tmp_path, "FEED=simulated", COMPOSE_PROFILES="bitfinex")
    assert found == ["simulated,bitfinex", SIMULATOR, "compose up"]


def test_other_feed_leaves_the_profiles_to_compose(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("COMPOSE_PROFILES=monitoring\n")
    assert compose(tmp_path) == ["", "", "compose up"]
