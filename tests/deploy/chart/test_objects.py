"""The objects of the Helm chart are valid, safe, and fit together."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.deploy.chart.rendered import (
    INVALID,
    REFUSED,
    VALUES,
    Object,
    Rendered,
    findings,
    rendered,
)

pytestmark = pytest.mark.process

ANY = pytest.mark.parametrize("name", VALUES)
# Secrets that the values of the cases name; they are made by hand.
BY_HAND = {"urls", "keys", "jwt", "redis-ca", "books-tls", "passwords", "registry"}


@ANY
def test_objects_fit_the_schemas_of_kubernetes(name: str) -> None:
    assert rendered(name).error is None
    assert rendered(name).faults == []


@pytest.mark.parametrize("index", range(len(INVALID)))
def test_schemas_find_a_mistake_in_each_kind(index: int) -> None:
    assert findings().faults[index] != []


@pytest.mark.parametrize("error", REFUSED)
def test_wrong_values_are_refused_with_their_names(error: str) -> None:
    assert error in (rendered(error).error or "")


def test_lint_finds_nothing_but_the_missing_icon() -> None:
    assert [each["error"] for each in findings().lint] == ["icon is recommended"]


@ANY
def test_pods_meet_the_restricted_standard(name: str) -> None:
    pods = [spec for _, template in rendered(name).pods() for spec in [template["spec"]]]
    pods += [each["spec"] for each in rendered(name).of_kind("Pod").values()]
    for spec in pods:
        assert spec["securityContext"]["runAsNonRoot"] is True
        assert spec["securityContext"]["runAsUser"] != 0
        assert spec["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
        assert spec["automountServiceAccountToken"] is False
        assert not {"hostNetwork", "hostPID", "hostIPC"} & set(spec)
        for container in spec["containers"]:
            security = container["securityContext"]
            assert security["allowPrivilegeEscalation"] is False
            assert security["readOnlyRootFilesystem"] is True
            assert security["capabilities"] == {"drop": ["ALL"]}
            assert security.get("runAsUser") != 0
            assert "memory" in container["resources"]["limits"]


def matching(selector: dict[str, str], found: Rendered) -> set[str]:
    """Return the workloads whose pods have these labels."""
    return {
        name
        for name, template in found.pods()
        if selector.items() <= template["metadata"]["labels"].items()
    }


@ANY
def test_selectors_match_the_pods_of_their_component(name: str) -> None:
    found = rendered(name)
    for kind in ("Service", "PodDisruptionBudget", "NetworkPolicy"):
        for each in found.of_kind(kind).values():
            spec = each["spec"]
            selector = spec.get("podSelector", spec.get("selector"))
            chosen = matching(selector.get("matchLabels", selector), found)
            component = each["metadata"]["labels"]["app.kubernetes.io/component"]
            assert chosen, each["metadata"]["name"]
            assert {component_of(found, other) for other in chosen} == {component}
    for kind in ("Deployment", "StatefulSet"):
        for each in found.of_kind(kind).values():
            assert matching(each["spec"]["selector"]["matchLabels"], found) == {
                each["metadata"]["name"]
            }


def component_of(found: Rendered, workload: str) -> str:
    label = dict(found.pods())[workload]["metadata"]["labels"]["app.kubernetes.io/component"]
    return str(label)


def values_of(key: str, thing: Any) -> Iterator[Any]:
    """Yield the value of a key wherever it is."""
    if isinstance(thing, dict):
        if key in thing:
            yield thing[key]
        for each in thing.values():
            yield from values_of(key, each)
    elif isinstance(thing, list):
        for each in thing:
            yield from values_of(key, each)


@ANY
def test_objects_that_others_name_exist(name: str) -> None:
    found = rendered(name)
    secrets = set(found.of_kind("Secret")) | BY_HAND
    for each in found.objects:
        assert {ref["name"] for ref in values_of("secretKeyRef", each)} <= secrets
        assert set(values_of("secretName", each)) <= secrets
        assert {ref["name"] for ref in values_of("configMap", each)} <= set(
            found.of_kind("ConfigMap")
        )
        assert set(values_of("serviceAccountName", each)) <= set(found.of_kind("ServiceAccount"))
        assert set(values_of("serviceName", each)) <= set(found.of_kind("Service"))
        for ref in values_of("scaleTargetRef", each):
            assert ref["name"] in found.of_kind(ref["kind"])
        assert {ref["name"] for refs in values_of("backendRefs", each) for ref in refs} <= set(
            found.of_kind("Service")
        )


@ANY
def test_ports_that_probes_and_services_name_exist(name: str) -> None:
    found = rendered(name)
    for _, template in found.pods():
        for container in template["spec"]["containers"]:
            ports = {port["name"] for port in container["ports"]}
            probes = [container[each] for each in container if each.endswith("Probe")]
            assert {port for probe in probes for port in values_of("port", probe)} <= ports
    for service in found.of_kind("Service").values():
        for workload in matching(service["spec"]["selector"], found):
            containers = dict(found.pods())[workload]["spec"]["containers"]
            targets = {port["targetPort"] for port in service["spec"]["ports"]}
            assert targets <= {port["name"] for each in containers for port in each["ports"]}


@ANY
def test_names_are_no_longer_than_a_label(name: str) -> None:
    # Kubernetes adds the number of the pod and a hash of the revision.
    limits = {"StatefulSet": 52, "Deployment": 46}
    for each in rendered(name).objects:
        assert len(each["metadata"]["name"]) <= limits.get(each["kind"], 63)
        for value in each["metadata"]["labels"].values():
            assert len(value) <= 63


def test_secret_of_redis_has_a_password_for_each_user() -> None:
    data: Object = rendered().one("Secret")["data"]
    users = {"collector", "api", "operator", "exporter"}
    assert set(data) == {f"{user}-password" for user in users}
    assert len(set(data.values())) == len(users)


def test_only_collectors_and_apis_reach_redis() -> None:
    found = rendered("four venues")
    policy = found.one("NetworkPolicy", "-redis")["spec"]
    rule, metrics = policy["ingress"]
    assert metrics["ports"] == [{"protocol": "TCP", "port": "exporter"}]
    reaching = {
        component_of(found, workload)
        for peer in rule["from"]
        for workload in matching(peer["podSelector"]["matchLabels"], found)
    }
    assert reaching == {"collector", "api"}
    assert policy["egress"] == []
    assert policy["policyTypes"] == ["Ingress", "Egress"]


def test_collectors_reach_redis_and_the_ports_of_venues_alone() -> None:
    rules = rendered().one("NetworkPolicy", "-collector")["spec"]["egress"]
    reached = [(port["port"], "to" in rule) for rule in rules for port in rule["ports"]]
    assert reached == [(53, False), (53, False), ("redis", True), (443, False)]
    rules = rendered("external Redis by Secret").one("NetworkPolicy", "-api")["spec"]["egress"]
    assert [port["port"] for rule in rules for port in rule["ports"]] == [53, 53, 6380]


def test_metrics_are_on_no_port_that_an_ingress_serves() -> None:
    found = rendered("ingress with TLS")
    service = found.one("Service", "-api")
    assert [port["targetPort"] for port in service["spec"]["ports"]] == ["http"]
    (path,) = found.one("Ingress")["spec"]["rules"][0]["http"]["paths"]
    assert path["backend"]["service"] == {"name": "books-kraken-book-api", "port": {"name": "http"}}


def test_service_monitors_select_one_service_each() -> None:
    found = rendered("four venues")
    monitors = found.of_kind("ServiceMonitor")
    assert set(monitors) == {f"books-kraken-book-{job}" for job in ("api", "collector", "redis")}
    for monitor in monitors.values():
        selector = monitor["spec"]["selector"]["matchLabels"]
        (service,) = (
            each
            for each in found.of_kind("Service").values()
            if selector.items() <= each["metadata"]["labels"].items()
        )
        ports = {port["name"] for port in service["spec"]["ports"]}
        assert {each["port"] for each in monitor["spec"]["endpoints"]} <= ports
        assert monitor["metadata"]["labels"]["release"] == "prometheus"
