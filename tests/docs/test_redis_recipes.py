"""Every recipe of docs/redis.md, run by a shell against a Redis that a real collector writes."""

from __future__ import annotations

import json
import os
import pty
import re
import shlex
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from lab.fork_server import ForkServer
from lab.process import ROOT
from lab.stage import Stage
from lab.stored_books import StoredBooks
from launcher.embedded_redis import EmbeddedRedis

RECIPE = re.compile(r"^```sh\n(.*?)^```\n\n```text\n(.*?)^```$", re.DOTALL | re.MULTILINE)
PAGE = (ROOT / "docs" / "redis.md").read_text()
RECIPES = RECIPE.findall(PAGE)

# What differs from one moment and one machine to another.
OWNER = re.compile(r"\S+:\d+:[0-9a-f]{8}")
NUMBER = re.compile(r"\d+")

pytestmark = pytest.mark.skipif(
    shutil.which("redis-cli") is None, reason="redis-cli is not installed"
)


@pytest.fixture(scope="module")
def redis(
    tmp_path_factory: pytest.TempPathFactory, fork_server: ForkServer
) -> Iterator[EmbeddedRedis]:
    """Redis with three books that move."""
    with Stage(tmp_path_factory.mktemp("stage"), fork_server) as stage:
        server = stage.redis()
        simulator = stage.simulator("--rate", "500")
        stage.collector(server.url, simulator.url)
        streams = StoredBooks(server.url)
        for symbol in ("BTC/USD", "ETH/USD", "SOL/USD"):
            streams.wait_for_seq(symbol, 100)
        streams.close()
        yield server


@pytest.fixture
def environment(redis: EmbeddedRedis, tmp_path: Path) -> dict[str, str]:
    """One in which a plain `redis-cli`, as a person types it, asks that Redis."""
    where = redis.url.removeprefix("unix://").partition("?")[0]
    program = tmp_path / "redis-cli"
    program.write_text(
        f'#!/bin/sh\nexec {shutil.which("redis-cli")} -s {shlex.quote(where)} "$@"\n'
    )
    program.chmod(0o755)
    return {"PATH": f"{tmp_path}:{os.environ['PATH']}"}


def on_a_terminal(script: str, environment: dict[str, str]) -> str:
    """What a person sees who pastes it: `redis-cli` writes otherwise than to a pipe."""
    seen, terminal = pty.openpty()
    with subprocess.Popen(["sh", "-ec", script], env=environment, stdout=terminal) as shell:
        os.close(terminal)
        output = b"".join(iter(lambda: read_some(seen), b""))
    os.close(seen)
    assert shell.returncode == 0
    return output.decode().replace("\r\n", "\n")


def read_some(terminal: int) -> bytes:
    try:
        return os.read(terminal, 65536)
    except OSError:  # on Linux, that nobody writes to it any more
        return b""


def form(output: str) -> list[str]:
    """What of an output is the same each time: its last line without figures, or its members."""
    last = output.strip().splitlines()[-1]
    if last.startswith("{"):
        return sorted(json.loads(last))
    return NUMBER.sub("0", OWNER.sub("owner", last)).split()


def test_every_recipe_shows_its_output() -> None:
    assert len(RECIPES) == PAGE.count("```sh") == 10


@pytest.mark.parametrize(("recipe", "shown"), RECIPES, ids=[r[:40] for r, _ in RECIPES])
def test_recipe_prints_output_of_page(environment: dict[str, str], recipe: str, shown: str) -> None:
    output = on_a_terminal(recipe, environment)
    assert form(output) == form(shown), output
