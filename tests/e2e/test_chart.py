"""The Redis of the Helm chart starts as in its pod, and serves collector and api by their users."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import httpx
import pytest
from redis import Redis
from redis.exceptions import AuthenticationError, NoPermissionError
from redis.exceptions import ConnectionError as RedisConnectionError

from lab.ports import free_port
from lab.process import lifeline
from lab.stage import Stage
from lab.waiting import wait_for, wait_until
from launcher.embedded_redis import find_server
from tests.deploy.chart.rendered import Object, rendered

PASSWORDS = {"collector": "c0llect0r", "api": "ap1", "operator": "0perat0r", "exporter": "exp0rt"}


class ChartRedis(NamedTuple):
    """A Redis with the configuration, users and start script of the chart."""

    port: int

    def url(self, workload: str) -> str:
        """Return the REDIS_URL that a workload has, for this machine."""
        template = dict(rendered("four venues").pods())[workload]
        (container,) = template["spec"]["containers"]
        named = {each["name"]: each for each in container["env"]}
        user = named["BUNDLED_PASSWORD"]["valueFrom"]["secretKeyRef"]["key"].split("-")[0]
        url = named["REDIS_URL"]["value"].replace("$(BUNDLED_PASSWORD)", PASSWORDS[user])
        return str(url).replace("books-kraken-book-redis:6379", f"127.0.0.1:{self.port}")

    def client(self, user: str, password: str) -> Redis:
        """Return a client of a user."""
        return Redis(port=self.port, username=user, password=password, decode_responses=True)


def pod() -> Object:
    template = dict(rendered("four venues").pods())["books-kraken-book-redis"]
    container = template["spec"]["containers"][0]
    assert isinstance(container, dict)
    return container


@pytest.fixture
def redis(tmp_path: Path) -> Iterator[ChartRedis]:
    """Start Redis as the pod's command does, with folders of its own instead of the mounts."""
    folders = {name: tmp_path / name for name in ("config", "passwords", "run", "data")}
    for folder in folders.values():
        folder.mkdir()
    port = free_port()
    for name, text in rendered("four venues").one("ConfigMap", "-redis")["data"].items():
        own = text.replace("dir /data", f"dir {folders['data']}").replace(
            "port 6379\nbind * -::*", f"port {port}\nbind 127.0.0.1"
        )
        (folders["config"] / name).write_text(own)
    for user, password in PASSWORDS.items():
        (folders["passwords"] / f"{user}-password").write_text(password)
    # The chart's program has the name of Redis's image.
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "redis-server").symlink_to(find_server())
    command = [each.replace("/etc/redis", str(folders["config"])) for each in pod()["command"]]
    process = subprocess.Popen(
        command,
        env={
            "PATH": f"{tmp_path / 'bin'}:{os.environ['PATH']}",
            "CONFIG": str(folders["config"]),
            "PASSWORDS": str(folders["passwords"]),
            "RUN": str(folders["run"]),
        },
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        process_group=0,
        preexec_fn=lifeline(),  # noqa: PLW1509 - see there
    )
    chart = ChartRedis(port)
    try:
        wait_until(lambda: answers(process, chart), "Redis answers")
        yield chart
    finally:
        process.terminate()
        process.wait()


def answers(process: subprocess.Popen[bytes], chart: ChartRedis) -> bool:
    assert process.poll() is None, "Redis ended"
    try:
        with chart.client("health", "none") as client:
            return bool(client.ping())
    except RedisConnectionError:
        return False


@pytest.mark.process
def test_users_of_the_chart_suffice_for_collectors_and_api(redis: ChartRedis, stage: Stage) -> None:
    kraken = stage.simulator("--symbols", "BTC/USD")
    binance = stage.simulator("--venue", "binance", "--symbols", "BTC/USDT")
    stage.collector(
        redis.url("books-kraken-book-kraken-0-of-1"), kraken.url, KRAKEN_SYMBOLS="BTC/USD"
    )
    stage.venue_collector(
        redis.url("books-kraken-book-binance-0-of-1"),
        "binance",
        binance,
        BINANCE_SYMBOLS="BTC/USDT",
    )
    api = stage.api(redis.url("books-kraken-book-api"))
    api.wait_until_live("BTC/USD", "binance:BTC/USDT")
    assert api.answers("/depth/binance:BTC/USDT").json()["bids"]
    with redis.client("operator", PASSWORDS["operator"]) as operator:
        refused = [each["object"] for each in operator.acl_log()]
        assert [each for each in refused if each != "client|setinfo"] == []
        assert operator.config_get("appendonly") == {"appendonly": "yes"}
        assert operator.config_get("maxmemory-policy") == {"maxmemory-policy": "noeviction"}


@pytest.mark.process
def test_users_of_the_chart_may_do_nothing_else(redis: ChartRedis) -> None:
    with redis.client("api", PASSWORDS["api"]) as api, pytest.raises(NoPermissionError):
        api.hset("kraken:book:{BTC/USD}", "bids", "")
    with redis.client("health", "none") as health, pytest.raises(NoPermissionError):
        health.get("kraken:symbols")
    with redis.client("collector", "wrong") as nobody, pytest.raises(AuthenticationError):
        nobody.ping()
    with Redis(port=redis.port) as nobody, pytest.raises(AuthenticationError):
        nobody.ping()


@pytest.mark.process
def test_new_password_is_valid_beside_the_old_one(redis: ChartRedis, stage: Stage) -> None:
    # As the chart's README rotates passwords.
    simulator = stage.simulator("--symbols", "BTC/USD")
    collector_url = redis.url("books-kraken-book-kraken-0-of-1")
    stage.collector(collector_url, simulator.url, KRAKEN_SYMBOLS="BTC/USD")
    old = redis.url("books-kraken-book-api")
    first = stage.api(old)
    first.wait_until_live("BTC/USD")
    reader = first.watch("BTC/USD")
    with redis.client("operator", PASSWORDS["operator"]) as operator:
        operator.execute_command("ACL", "SETUSER", "api", ">newPassword1")
        second = stage.api(old.replace(PASSWORDS["api"], "newPassword1"))
        second.wait_until_live("BTC/USD")
        # The first replica returns with the old one, and its reader gets further events.
        operator.execute_command("CLIENT", "KILL", "USER", "api")
    seq = second.answers("/depth/BTC/USD").json()["seq"]
    reader.wait_for_seq(seq + 10)
    reader.leave()


@pytest.mark.process
def test_exporter_reads_what_the_alerts_ask_for(redis: ChartRedis) -> None:
    program = shutil.which("prometheus-redis-exporter")
    if program is None:
        pytest.skip("no prometheus-redis-exporter: Debian's package of that name")
    port = free_port()
    exporter = subprocess.Popen(
        [program, "-web.listen-address", f"127.0.0.1:{port}"],
        env={
            "REDIS_ADDR": f"redis://127.0.0.1:{redis.port}",
            "REDIS_USER": "exporter",
            "REDIS_PASSWORD": PASSWORDS["exporter"],
        },
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        process_group=0,
        preexec_fn=lifeline(),  # noqa: PLW1509 - see there
    )
    try:
        text = wait_for(lambda: page(f"http://127.0.0.1:{port}/metrics"), "the exporter answers")
    finally:
        exporter.terminate()
        exporter.wait()
    figures = dict(re.findall(r"^(redis_\w+) (\S+)$", text, re.MULTILINE))
    assert figures["redis_up"] == "1"
    assert float(figures["redis_memory_used_bytes"]) > 0
    assert float(figures["redis_memory_max_bytes"]) == 512 * 1024 * 1024
    with redis.client("operator", PASSWORDS["operator"]) as operator:
        assert operator.acl_log() == []


def page(url: str) -> str | None:
    try:
        return httpx.get(url, trust_env=False).text
    except httpx.TransportError:
        return None
