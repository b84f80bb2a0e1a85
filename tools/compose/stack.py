"""The services of `docker-compose.yml` as containers that do not touch others of this machine.

The project name, port, image name and settings are its own. Containers, networks, volumes and image
are removed in the end; Docker's build cache stays.
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

# What a user of Docker has in the environment; nothing else, and no .env, reaches the services.
_DOCKER_VARIABLES = ("PATH", "HOME", "DOCKER_HOST", "DOCKER_CONFIG", "DOCKER_CONTEXT")

_READ_METRICS = (
    "from urllib.request import urlopen;"
    "print(urlopen('http://127.0.0.1:3000/metrics', timeout=10).read().decode())"
)


class StackError(Exception):
    """A Docker command failed; the message has its output."""


@dataclass(frozen=True)
class Container:
    """One container of a service."""

    id: str
    name: str
    running: bool


class ReplicaLoad(NamedTuple):
    """What a replica has served."""

    answers: int
    """Requests for books and streams that have ended."""
    readers: int
    """Streams that are open."""


class Stack:
    """The stack with simulated markets; leaving the context removes it."""

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
            raise StackError(
                "docker is not installed: the compose test needs an engine and Compose v2"
            )
        self.compose("version")
        _docker(self._environment, "version")
        return self

    def __exit__(self, *_: object) -> None:
        self.compose("down", "--volumes", "--remove-orphans", "--timeout", "10")
        if _docker(self._environment, "image", "ls", "--quiet", self._image).strip():
            _docker(self._environment, "image", "rm", self._image)

    def up(self, *arguments: str) -> None:
        """Run `docker compose up`; return when all services are healthy."""
        self.compose("up", "--detach", "--wait", "--wait-timeout", "120", *arguments)

    def scale(self, replicas: int) -> None:
        """Scale the api; running replicas are not restarted."""
        self.up("--no-recreate", "--scale", f"api={replicas}")

    def restart(self, service: str) -> None:
        """Stop a service and start it again."""
        self.compose("restart", service)

    def stop(self, container: Container) -> None:
        """Stop a container: it is asked to end, and has its grace period."""
        _docker(self._environment, "stop", container.id)

    def start(self, container: Container) -> None:
        """Start a container that has ended; return when it is healthy."""
        _docker(self._environment, "start", container.id)
        wait_until(
            lambda: self._inspect(container, "{{.State.Health.Status}}") == "healthy",
            f"{container.name} is healthy",
        )

    def kill(self, container: Container) -> None:
        """Kill a container."""
        _docker(self._environment, "kill", container.id)

    def exit_code(self, container: Container) -> int:
        """Return the exit code of the container's process."""
        return int(self._inspect(container, "{{.State.ExitCode}}"))

    def containers(self, service: str) -> list[Container]:
        """Return all containers of a service by name, also those that have ended."""
        said = self.compose("ps", "--all", "--format", "json", service)
        rows = [json.loads(line) for line in said.splitlines()]
        found = [Container(row["ID"], row["Name"], row["State"] == "running") for row in rows]
        return sorted(found, key=lambda container: container.name)

    def replicas(self) -> list[Container]:
        """Return the running containers of the api."""
        return [container for container in self.containers("api") if container.running]

    def service_of(self, replica: Container) -> ReplicaLoad:
        """Return what a replica has served since it started, by its own metrics."""
        text = _docker(self._environment, "exec", replica.id, "python", "-c", _READ_METRICS)
        answers = readers = 0.0
        for family in text_string_to_metric_families(text):
            for sample in family.samples:
                if sample.name == "kraken_book_readers":
                    readers = sample.value
                elif sample.labels.get("route") in ("depth", "stream"):
                    answers += sample.value
        return ReplicaLoad(int(answers), int(readers))

    def logs(self) -> str:
        """Return the last log lines of every service."""
        return self.compose("logs", "--tail", "5")

    def _inspect(self, container: Container, what: str) -> str:
        return _docker(self._environment, "inspect", "--format", what, container.id).strip()

    def compose(self, *arguments: str) -> str:
        """Run `docker compose`; return its output, or raise StackError."""
        own = ("--project-name", self._project, "--env-file", os.devnull, "--profile", "simulated")
        return _docker(self._environment, "compose", *own, *arguments)


def _docker(environment: dict[str, str], *arguments: str) -> str:
    command = ["docker", *arguments]
    done = subprocess.run(
        command, env=environment, cwd=ROOT, capture_output=True, text=True, check=False
    )
    if done.returncode:
        last_words = "\n".join(done.stderr.strip().splitlines()[-12:])
        raise StackError(f"{' '.join(command)} ended with {done.returncode}:\n{last_words}")
    return done.stdout
