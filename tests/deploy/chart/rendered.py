"""The chart, rendered by Helm in one process for all tests, with what the schemas say of it."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml

from lab.process import ROOT

PYTHON = ROOT / ".venv-helm" / "bin" / "python"
PACKAGES = ("helm_python", "kubernetes_validate", "cloudcoil/models/prometheus_operator")
GATEWAY_API = ROOT / ".venv-helm" / "node_modules" / "@kubernetes-models" / "gateway-api"
# Helm takes some seconds, or more beside other tests.
TIMEOUT = 200

Object = dict[str, Any]

VALUES: dict[str, dict[str, Any]] = {
    "default": {},
    "external Redis": {
        "redis": {"bundled": False, "external": {"url": "redis+sentinel://a:26379,b/books"}},
    },
    "external Redis by Secret": {
        "redis": {
            "bundled": False,
            "external": {
                "existingSecret": "urls",
                "accessKey": "access-url",
                "tlsSecret": "redis-ca",
                "ports": [6380],
            },
        },
        "access": {"keys": {"existingSecret": "keys"}, "jwt": {"existingSecret": "jwt"}},
    },
    "ingress with TLS": {
        "ingress": {
            "enabled": True,
            "className": "nginx",
            "hosts": ["books.example.com"],
            "path": "/kraken/",
            "tlsSecret": "books-tls",
        },
        "access": {"jwt": {"url": "https://issuer.example.com/keys"}},
    },
    "gateway": {
        "gateway": {
            "enabled": True,
            "hostnames": ["books.example.com"],
            "parentRefs": [{"name": "public", "namespace": "gateways"}],
        },
    },
    "own gateway": {
        "gateway": {
            "enabled": True,
            "create": True,
            "className": "envoy",
            "hostnames": ["*.example.com"],
            "tlsSecret": "books-tls",
        },
    },
    "four venues": {
        "venues": {
            "coinbase": {"enabled": True, "replicas": 1},
            "binance": {"enabled": True, "settings": {"BINANCE_QUIET_RESYNC": 1000000}},
            "bitfinex": {"enabled": True, "settings": {"COLLECTOR_LEASE": 2.5}},
        },
        "collector": {"settings": {"STREAM_RETENTION": 600}},
        "redis": {"exporter": {"enabled": True}},
        "monitoring": {
            "serviceMonitor": {"enabled": True, "labels": {"release": "prometheus"}},
            "prometheusRule": {"enabled": True, "runbookPrefix": "https://books.example.com/"},
        },
    },
    "two shards": {
        "venues": {"kraken": {"shards": 2, "oldShards": 1, "tape": {"enabled": True}}},
    },
    "all placed": {
        "image": {"digest": f"sha256:{'0' * 64}"},
        "imagePullSecrets": [{"name": "registry"}],
        "fullnameOverride": "x" * 60,
        "collector": {"nodeSelector": {"disk": "ssd"}, "podAnnotations": {"a": "b"}},
        "api": {
            "autoscaling": {"enabled": False},
            "replicas": 3,
            "settings": {"API_DRAIN": 7.5, "API_LIMIT_REQUESTS": 1000000000},
            "tolerations": [{"key": "books", "operator": "Exists"}],
            "priorityClassName": "high",
            "podLabels": {"team": "books"},
        },
        "redis": {
            "existingSecret": "passwords",
            "persistence": {"storageClassName": "fast"},
            "affinity": {"nodeAffinity": {}},
        },
        "networkPolicy": {
            "apiFrom": [{"namespaceSelector": {"matchLabels": {"a": "b"}}}],
            "metricsFrom": [{"podSelector": {}}],
            "extraEgress": [{"ports": [{"protocol": "TCP", "port": 9443}]}],
        },
    },
}

REFUSED: dict[str, dict[str, Any]] = {
    "'KRAKEN_DEPHT' not allowed": {"venues": {"kraken": {"settings": {"KRAKEN_DEPHT": 10}}}},
    "'BINANCE_DEPTH' not allowed": {"venues": {"kraken": {"settings": {"BINANCE_DEPTH": 10}}}},
    "'REDIS_URL' not allowed": {"settings": {"REDIS_URL": "redis://other"}},
    "'API_OPS_PORT' not allowed": {"api": {"settings": {"API_OPS_PORT": 1}}},
    "'ftx' not allowed": {"venues": {"ftx": {"enabled": True}}},
    "/image/digest": {"image": {"digest": "sha256:1"}},
    "redis.external.url or redis.external.existingSecret is needed": {"redis": {"bundled": False}},
    "gateway.parentRefs or gateway.create is needed": {"gateway": {"enabled": True}},
    "ingress.hosts is needed": {"ingress": {"enabled": True}},
    "ingress.path and gateway.path differ": {
        "ingress": {"enabled": True, "hosts": ["a.example"], "path": "/a"},
        "gateway": {"enabled": True, "parentRefs": [{"name": "public"}]},
    },
}
"""Values that Helm refuses, by a part of its error."""

INVALID: list[Object] = [
    {"apiVersion": "v1", "kind": "Service", "metadata": {"name": "a"}, "spec": {"prots": []}},
    {"apiVersion": "apps/v1", "kind": "StatefulSet", "metadata": {"name": "a"},
     "spec": {"replicas": "two"}},
    {"apiVersion": "monitoring.coreos.com/v1", "kind": "ServiceMonitor", "metadata": {"name": "a"},
     "spec": {"selector": {}, "endpoints": [{"prot": "ops"}]}},
    {"apiVersion": "monitoring.coreos.com/v1", "kind": "PrometheusRule", "metadata": {"name": "a"},
     "spec": {"groups": [{"name": "a", "rules": [{"alerts": "a", "expr": "up"}]}]}},
    {"apiVersion": "gateway.networking.k8s.io/v1", "kind": "HTTPRoute", "metadata": {"name": "a"},
     "spec": {"rules": [{"timeout": {"request": "0s"}}]}},
    {"apiVersion": "gateway.networking.k8s.io/v1", "kind": "Gateway", "metadata": {"name": "a"},
     "spec": {"gatewayClassName": "a", "listeners": [{"name": "a", "port": "b"}]}},
]  # fmt: skip
"""Objects with a mistake each, which shows that the schemas are in force."""


@dataclass(frozen=True)
class Rendered:
    """What Helm makes of some values.

    Attributes:
        error: The error with which it refuses them.
        faults: What the schemas say against the objects.
        notes: The text that `helm install` prints.
        objects: The objects.
    """

    error: str | None
    faults: list[str]
    notes: str
    objects: list[Object]

    def of_kind(self, kind: str) -> dict[str, Object]:
        """Return the objects of a kind by their names."""
        return {each["metadata"]["name"]: each for each in self.objects if each["kind"] == kind}

    def one(self, kind: str, name: str = "") -> Object:
        """Return the object of a kind whose name ends with `name`."""
        (found,) = (each for key, each in self.of_kind(kind).items() if key.endswith(name))
        return found

    def pods(self) -> Iterator[tuple[str, Object]]:
        """Yield the name of each workload with the template of its pods."""
        for kind in ("Deployment", "StatefulSet"):
            for name, each in self.of_kind(kind).items():
                yield name, each["spec"]["template"]


@dataclass(frozen=True)
class Findings:
    """What Helm and the schemas say.

    Attributes:
        rendered: What each of VALUES and REFUSED becomes, by its name.
        faults: What the schemas say against each of INVALID.
        lint: The findings of `helm lint`.
    """

    rendered: dict[str, Rendered]
    faults: list[list[str]]
    lint: list[Object]


def require_helm() -> None:
    """Skip the test if Helm or a schema is not installed."""
    folder = next(PYTHON.parents[1].glob("lib/*/site-packages"), Path("none"))
    missing = [each for each in PACKAGES if not (folder / each).exists()]
    if missing or not GATEWAY_API.exists():
        pytest.skip(f"not in .venv-helm: {missing or 'gateway-api'}: make helm")


@cache
def findings() -> Findings:
    """Return what Helm and the schemas say of everything above, or skip the test without them."""
    require_helm()
    cases = VALUES | REFUSED
    done = subprocess.run(
        [PYTHON, Path(__file__).with_name("helm.py")],
        input=json.dumps({"values": list(cases.values()), "objects": INVALID}),
        capture_output=True,
        text=True,
        timeout=TIMEOUT,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    return Findings(
        {name: _rendered(each) for name, each in zip(cases, found["values"], strict=True)},
        found["objects"],
        found["lint"],
    )


def _rendered(found: dict[str, Any]) -> Rendered:
    texts = {name.rpartition("templates/")[2]: text for name, text in found["files"].items()}
    notes = texts.pop("NOTES.txt", "")
    objects = [each for text in texts.values() for each in yaml.safe_load_all(text) if each]
    return Rendered(found["error"], found["faults"], notes, objects)


def rendered(name: str = "default") -> Rendered:
    """Return what Helm makes of one of VALUES or REFUSED."""
    return findings().rendered[name]
