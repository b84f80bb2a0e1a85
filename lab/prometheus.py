"""A real Prometheus with the project's rules, if it is installed: Debian's package `prometheus`."""

from __future__ import annotations

import shutil
import subprocess
import time
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from types import MappingProxyType
from typing import Any, Self

import httpx
import yaml

from lab.ports import free_port
from lab.process import ROOT
from lab.waiting import wait_until
from runtime.process import die_with_parent

PROMTOOL = shutil.which("promtool")
PROMETHEUS = shutil.which("prometheus")
REDIS_EXPORTER = shutil.which("prometheus-redis-exporter") or shutil.which("redis_exporter")
NO_PROMTOOL = "promtool is not installed: Debian's package `prometheus` has it"
NO_REDIS_EXPORTER = "no redis_exporter: Debian's package is `prometheus-redis-exporter`"
NO_PROMETHEUS = "prometheus is not installed: Debian's package of that name has it"
NO_EXPORTERS: Mapping[str, str] = MappingProxyType({})
CONFIGURATION = ROOT / "deploy" / "monitoring" / "prometheus.yml"


class Prometheus:
    """`prometheus` with the configuration in `deploy/monitoring`, but other targets.

    Args:
        folder: The folder for its data and its log.
        targets: Addresses by the name of their job.
        interval: Seconds between two scrapes, and between two evaluations of the rules.
        exporters: Addresses of exporters that are asked about targets, by those in the
            configuration.
    """

    def __init__(
        self,
        folder: Path,
        targets: Mapping[str, Sequence[str]],
        interval: int = 15,
        exporters: Mapping[str, str] = NO_EXPORTERS,
    ) -> None:
        self._folder = folder
        self._undo = ExitStack()
        port = free_port()
        self._configuration = folder / "prometheus.yml"
        text = yaml.safe_dump(_configured(targets, interval, exporters), sort_keys=False)
        self._configuration.write_text(text)
        self._address = f"127.0.0.1:{port}"
        self._http = httpx.Client(base_url=f"http://{self._address}", timeout=20, trust_env=False)

    def __enter__(self) -> Self:
        assert PROMETHEUS is not None
        command = [
            PROMETHEUS,
            f"--config.file={self._configuration}",
            f"--storage.tsdb.path={self._folder / 'tsdb'}",
            f"--web.listen-address={self._address}",
            "--enable-feature=exemplar-storage",
        ]
        start(self._undo, command, self._folder / "prometheus.log")
        try:
            wait_until(self._is_ready, "prometheus answers")
        except AssertionError:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self._http.close()
        self._undo.close()

    def alerts(self) -> list[dict[str, Any]]:
        """Return the alerts that are pending or fire."""
        found: list[dict[str, Any]] = self._get("alerts")["alerts"]
        return found

    def firing(self) -> set[str]:
        """Return the names of the alerts that fire."""
        return {each["labels"]["alertname"] for each in self.alerts() if each["state"] == "firing"}

    def rules(self) -> dict[str, str]:
        """Return the health of each rule by its name: `ok`, `unknown` or `err`."""
        groups = self._get("rules")["groups"]
        return {rule["name"]: rule["health"] for group in groups for rule in group["rules"]}

    def query(self, expression: str) -> list[dict[str, Any]]:
        """Return the newest values of an expression."""
        found: list[dict[str, Any]] = self._get("query", query=expression)["result"]
        return found

    def query_range(self, expression: str, seconds: float, step: float) -> list[dict[str, Any]]:
        """Return the values of an expression of the last `seconds`, one for each step."""
        end = time.time()
        found: list[dict[str, Any]] = self._get(
            "query_range", query=expression, start=end - seconds, end=end, step=step
        )["result"]
        return found

    def exemplars(self, expression: str, seconds: float) -> list[dict[str, Any]]:
        """Return the exemplars of the series in an expression."""
        end = time.time()
        found: Any = self._get("query_exemplars", query=expression, start=end - seconds, end=end)
        return [exemplar for series in found for exemplar in series["exemplars"]]

    def _is_ready(self) -> bool:
        try:
            return self._http.get("/-/ready").status_code == 200
        except httpx.TransportError:
            return False

    def _get(self, path: str, **parameters: Any) -> Any:
        answer = self._http.get(f"/api/v1/{path}", params=parameters)
        assert answer.status_code == 200, answer.text
        return answer.json()["data"]


def start(
    undo: ExitStack,
    command: Sequence[str],
    log: Path,
    environment: Mapping[str, str] | None = None,
) -> None:
    """Start a program, which ends when `undo` is closed.

    Args:
        undo: Ends it.
        command: The program and its arguments.
        log: The file for its output.
        environment: Its variables; None for those of this process.
    """
    output = undo.enter_context(log.open("ab"))
    process = subprocess.Popen(
        command,
        stdin=subprocess.DEVNULL,
        stdout=output,
        stderr=output,
        env=environment,
        preexec_fn=die_with_parent,  # noqa: PLW1509 - this process has one thread here
    )
    undo.callback(process.wait, 20)
    undo.callback(process.terminate)


def start_redis_exporter(undo: ExitStack, log: Path, **environment: str) -> str:
    """Start redis_exporter, which answers for any server.

    Args:
        undo: Ends it.
        log: The file for its output.
        environment: Its settings.

    Returns:
        Its address.
    """
    assert REDIS_EXPORTER is not None
    address = f"127.0.0.1:{free_port()}"
    command = [REDIS_EXPORTER, "-web.listen-address", address]
    start(undo, command, log, {"REDIS_ADDR": "", **environment})
    return address


def _configured(
    targets: Mapping[str, Sequence[str]], interval: int, exporters: Mapping[str, str]
) -> dict[str, Any]:
    whole: dict[str, Any] = yaml.safe_load(CONFIGURATION.read_text())
    whole["global"] = {"scrape_interval": f"{interval}s", "evaluation_interval": f"{interval}s"}
    whole["rule_files"] = [str(CONFIGURATION.parent / name) for name in whole["rule_files"]]
    jobs = {job["job_name"]: job for job in whole["scrape_configs"]}
    whole["scrape_configs"] = [
        {
            **{
                name: value for name, value in jobs[job].items() if not name.endswith("_sd_configs")
            },
            "static_configs": [{"targets": list(addresses)}],
        }
        for job, addresses in targets.items()
    ]
    for job in whole["scrape_configs"]:
        for rule in job.get("relabel_configs", ()):
            if rule.get("replacement") in exporters:
                rule["replacement"] = exporters[rule["replacement"]]
    return whole
