"""The services of `docker-compose.yml` as containers, separate from others on this machine.

The stack has a unique project name, port and image name. Its containers, networks, volumes and
image are removed at the end; Docker's build cache stays.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from dataclasses import dataclass
from typing import NamedTuple, Self

from prometheus_client.parser import text_string_to_metric_families

from lab.ports import free_port
from lab.process import ROOT
from lab.waiting import wait_until

# Docker needs these variables. No others, and no .env, reach the services.
_DOCKER_VARIABLES = ("PATH", "HOME", "DOCKER_HOST", "DOCKER_CONFIG", "DOCKER_CONTEXT")

_READ_METRICS = (
    "from urllib.request import urlopen;"
    "print(urlopen('http://127.0.0.1:{port}/metrics', timeout=10).read().decode())"
)
_API_PORT, _COLLECTOR_PORT = 3000, 9820
_COLLECTORS = ("collector", "collector-standby")


class StackError(Exception):
    """A Docker command that failed; the message has its output."""


@dataclass(frozen=True)
class Container:
    """One container of a service."""

    id: str
    name: str
    running: bool


class ReplicaLoad(NamedTuple):
    """The load of a replica since its start."""

    answers: int
    """The number of finished requests for books and streams."""
    readers: int
    """The number of open streams."""


class Stack:
    """The stack with simulated markets; the end of the context removes it."""

    def __init__(self, **settings: str) -> None:
        self._project = f"kraken-book-test-{os.getpid()}"
        self._image = f"{self._project}:latest"
        self.port = free_port()
        self._environment = {
            **{name: os.environ[name] for name in _DOCKER_VARIABLES if name in os.environ},
            "HTTP_PORT": f"127.0.0.1:{self.port}",
            "KRAKEN_BOOK_IMAGE": self._image,
            "KRAKEN_URL": "ws://simulator:9443/v2",
            **settings,
        }

    @property
    def url(self) -> str:
        """The address of Caddy."""
        return f"http://127.0.0.1:{self.port}"

    def __enter__(self) -> Self:
        if shutil.which("docker") is None:
            raise StackError("docker is not installed: install Docker Engine and Compose v2")
        self.compose("version")
        _docker(self._environment, "version")
        return self

    def __exit__(self, *_: object) -> None:
        self.compose("down", "--volumes", "--remove-orphans", "--timeout", "10")
        if _docker(self._environment, "image", "ls", "--quiet", self._image).strip():
            _docker(self._environment, "image", "rm", self._image)

    def up(self, *arguments: str) -> None:
        """Run `docker compose up`, and wait until all services are healthy."""
        self.compose("up", "--detach", "--wait", "--wait-timeout", "120", *arguments)

    def scale(self, replicas: int) -> None:
        """Scale the api without a restart of running replicas."""
        self.up("--no-recreate", "--scale", f"api={replicas}")

    def restart(self, service: str) -> None:
        """Stop a service and start it again."""
        self.compose("restart", service)

    def stop(self, container: Container) -> None:
        """Stop a container, which has its grace period to end."""
        _docker(self._environment, "stop", container.id)

    def start(self, container: Container) -> None:
        """Start a container that has ended, and wait until it is healthy."""
        _docker(self._environment, "start", container.id)
        wait_until(
            lambda: self._inspect(container, "{{.State.Health.Status}}") == "healthy",
            f"{container.name} is healthy",
        )

    def kill(self, container: Container) -> None:
        """Kill a container."""
        _docker(self._environment, "kill", container.id)

    def remove(self, container: Container) -> None:
        """Remove a container that has ended."""
        _docker(self._environment, "rm", container.id)

    def exit_code(self, container: Container) -> int:
        """Return the exit code of the container's process."""
        return int(self._inspect(container, "{{.State.ExitCode}}"))

    def containers(self, service: str) -> list[Container]:
        """Return all containers of a service, running or ended, in the order of their names."""
        output = self.compose("ps", "--all", "--format", "json", service)
        rows = [json.loads(line) for line in output.splitlines()]
        found = [Container(row["ID"], row["Name"], row["State"] == "running") for row in rows]
        return sorted(found, key=lambda container: container.name)

    def replicas(self) -> list[Container]:
        """Return the running containers of the api."""
        return [container for container in self.containers("api") if container.running]

    def service_of(self, replica: Container) -> ReplicaLoad:
        """Return the load of a replica by its metrics."""
        text = self._metrics(replica, _API_PORT)
        answers = readers = 0.0
        for family in text_string_to_metric_families(text):
            for sample in family.samples:
                if sample.name == "kraken_book_readers":
                    readers = sample.value
                elif sample.labels.get("route") in ("depth", "stream"):
                    answers += sample.value
        return ReplicaLoad(int(answers), int(readers))

    def leader(self) -> Container | None:
        """Return the container of the collector that leads; None if none does."""
        for service in _COLLECTORS:
            (container,) = self.containers(service)
            if container.running and self._leads(container):
                return container
        return None

    def rotate_password(self, user: str) -> None:
        """Replace the password of a user of Redis."""
        self.compose("run", "--rm", "--no-deps", "passwords", "rotate", user)

    def _leads(self, collector: Container) -> bool:
        lines = self._metrics(collector, _COLLECTOR_PORT).splitlines()
        return any(
            line.startswith("kraken_book_leading") and float(line.rpartition(" ")[2]) == 1
            for line in lines
        )

    def _metrics(self, container: Container, port: int) -> str:
        script = _READ_METRICS.format(port=port)
        return _docker(self._environment, "exec", container.id, "python", "-c", script)

    def logs(self) -> str:
        """Return the last log lines of every service."""
        return self.compose("logs", "--tail", "5")

    def _inspect(self, container: Container, template: str) -> str:
        return _docker(self._environment, "inspect", "--format", template, container.id).strip()

    def compose(self, *arguments: str) -> str:
        """Run `docker compose`; return its output, or fail with StackError."""
        own = ("--project-name", self._project, "--env-file", os.devnull, "--profile", "simulated")
        return _docker(self._environment, "compose", *own, *arguments)


def _docker(environment: dict[str, str], *arguments: str) -> str:
    command = ["docker", *arguments]
    done = subprocess.run(
        command, env=environment, cwd=ROOT, capture_output=True, text=True, check=False
    )
    if done.returncode:
        last_lines = "\n".join(done.stderr.strip().splitlines()[-12:])
        raise StackError(f"{' '.join(command)} ended with {done.returncode}:\n{last_lines}")
    return done.stdout
