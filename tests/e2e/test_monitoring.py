"""A real Prometheus, or its promtool, reads what running services export."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import NamedTuple

import pytest
from redis import Redis

from lab.ports import free_port
from lab.process import ROOT
from lab.prometheus import (
    NO_PROMETHEUS,
    NO_PROMTOOL,
    NO_REDIS_EXPORTER,
    PROMETHEUS,
    PROMTOOL,
    REDIS_EXPORTER,
    Prometheus,
    start_redis_exporter,
)
from lab.services import Api, Collector
from lab.stage import Stage
from lab.waiting import wait_for, wait_until
from tests.deploy.monitoring.test_queries import QUERIES, SUFFIX, documented, selectors

SYMBOL = "BTC/USD"


class Services(NamedTuple):
    collector: Collector
    api: Api


@pytest.fixture(scope="module")
def services(child_processes: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Services]:
    """A collector and a replica with a reader that has got an update."""
    with Stage(tmp_path_factory.mktemp("services")) as stage:
        redis = stage.redis()
        simulator = stage.simulator("--symbols", SYMBOL)
        collector = stage.collector(redis.url, simulator.url, KRAKEN_SYMBOLS=SYMBOL)
        api = stage.api(redis.url)
        api.wait_until_live(SYMBOL)
        with api.stream(SYMBOL) as stream:
            next(each for each in stream.events() if each[1]["kind"] == "update")
            yield Services(collector, api)


def families(text: str) -> set[str]:
    """Return the names of all families; one without samples has a line of its type too."""
    return set(re.findall(r"^# TYPE (\S+) ", text, re.MULTILINE))


def test_queries_ask_only_for_what_running_services_export(services: Services) -> None:
    running = set[str]().union(*(families(each.get("/metrics").text) for each in services))
    asked = {SUFFIX.sub("", each.metric) for each in selectors(QUERIES.values())}
    ours = {name for name in asked if name.startswith(("kraken_book_", "process_"))}
    assert ours - running == set()


def test_every_exported_metric_of_ours_is_documented(services: Services) -> None:
    running = set[str]().union(*(families(each.get("/metrics").text) for each in services))
    ours = {name for name in running if name.startswith("kraken_book_")}
    assert ours == documented().keys()


@pytest.mark.skipif(PROMTOOL is None, reason=NO_PROMTOOL)
@pytest.mark.parametrize("service", Services._fields)
def test_promtool_finds_no_fault_in_the_metrics(service: str, services: Services) -> None:
    assert PROMTOOL is not None
    text = getattr(services, service).get("/metrics").text
    done = subprocess.run(
        [PROMTOOL, "check", "metrics"], input=text, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout + done.stderr) == (0, "")


@pytest.mark.parametrize(("service", "name"), [("collector", "publish_lag"), ("api", "read_lag")])
def test_scrape_that_takes_openmetrics_gets_exemplars(
    service: str, name: str, services: Services
) -> None:
    headers = {"Accept": "application/openmetrics-text"}
    answer = getattr(services, service).get("/metrics", headers=headers)
    assert answer.headers["content-type"].startswith("application/openmetrics-text")
    assert answer.text.endswith("# EOF\n")
    bucket = rf'kraken_book_{name}_seconds_bucket{{le="[^"]+"}} \S+ # {{([^}}]+)}} '
    found = re.search(bucket, answer.text)
    assert found is not None, answer.text
    assert re.fullmatch(rf'event_id="\d+-\d+",symbol="{SYMBOL}"', found[1])


@pytest.mark.skipif(PROMETHEUS is None, reason=NO_PROMETHEUS)
def test_prometheus_reads_targets_rules_and_exemplars(services: Services, tmp_path: Path) -> None:
    targets = {
        "collector": [f"127.0.0.1:{services.collector.port}"],
        "api": [f"127.0.0.1:{services.api.port}", "127.0.0.1:1"],
    }
    with Prometheus(tmp_path, targets, interval=1) as prometheus:
        wait_until(lambda: len(prometheus.query("up")) == 3, "all targets were scraped")
        up = by_instance(prometheus, "up")
        assert up == {targets["collector"][0]: "1", targets["api"][0]: "1", "127.0.0.1:1": "0"}
        (leading,) = prometheus.query("kraken_book_leading")
        assert (leading["metric"]["venue"], leading["metric"]["shard"]) == ("kraken", "0/1")

        def evaluated() -> dict[str, str] | None:
            found = prometheus.rules()
            return None if "unknown" in found.values() else found

        health = wait_for(evaluated, "all rules were evaluated")
        assert set(health.values()) == {"ok"}
        wait_until(
            lambda: (
                "KrakenBookProcessDown" in {a["labels"]["alertname"] for a in prometheus.alerts()}
            ),
            "the target that does not answer is noticed",
        )
        found = wait_for(
            lambda: prometheus.exemplars("kraken_book_publish_lag_seconds_bucket", 60),
            "Prometheus has exemplars",
        )
        assert found[0]["labels"]["symbol"] == SYMBOL


@pytest.mark.skipif(PROMETHEUS is None, reason=NO_PROMETHEUS)
@pytest.mark.skipif(REDIS_EXPORTER is None, reason=NO_REDIS_EXPORTER)
def test_each_redis_of_the_list_has_figures_of_its_own(
    child_processes: None, tmp_path: Path
) -> None:
    user = re.search(r'echo "user (exporter .+)"', (ROOT / "deploy/redis/passwords.sh").read_text())
    assert user is not None
    with Stage(tmp_path) as stage, ExitStack() as undo:
        servers = [stage.redis(port=0) for _ in range(2)]
        for server in servers:
            with Redis.from_url(server.url) as client:
                client.execute_command("ACL", "SETUSER", *user[1].split())
                client.execute_command("ACL", "SETUSER", "default", "-info")
        nodes = [f"127.0.0.1:{server.port}" for server in servers]
        gone = f"127.0.0.1:{free_port()}"
        # As in the compose file.
        given = {"REDIS_USER": "exporter", "REDIS_PASSWORD": "none"}
        exporter = start_redis_exporter(undo, tmp_path / "redis_exporter.log", **given)
        prometheus = undo.enter_context(
            Prometheus(tmp_path, {"redis": [*nodes, gone]}, 1, {"redis-exporter:9121": exporter})
        )
        wait_until(lambda: len(prometheus.query("redis_up")) == 3, "all servers were asked")
        found = by_instance(prometheus, "redis_up")
        assert found == {nodes[0]: "1", nodes[1]: "1", gone: "0"}
        # The rule of the memory compares two figures of one server.
        used = by_instance(prometheus, "redis_memory_used_bytes > (redis_memory_max_bytes >= 0)")
        assert set(used) == set(nodes)
        assert by_instance(prometheus, "up") == dict.fromkeys((*nodes, gone), "1")


def by_instance(prometheus: Prometheus, expression: str) -> dict[str, str]:
    """Return the newest value of each target."""
    return {each["metric"]["instance"]: each["value"][1] for each in prometheus.query(expression)}
