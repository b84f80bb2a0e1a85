"""The services of the Helm chart get real settings, enough memory and time, and long streams."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

import pytest
import yaml

from api.settings import ApiSettings
from collector.settings import VENUES, CollectorSettings
from lab.process import ROOT
from runtime.setting_names import find_unknown_settings, known_names
from runtime.settings import EnvironmentSettings
from tests.deploy.chart.rendered import VALUES, Object, Rendered, rendered
from tools.chart_files import OTHERS

pytestmark = pytest.mark.process

KINDS: Mapping[str, type[EnvironmentSettings]] = {
    "collector": CollectorSettings,
    "api": ApiSettings,
}
# docs/performance.md: of an api without readers, and of each idle reader.
API_MB, READER_MB = 59, 0.019


def container_of(template: Object) -> Object:
    container = template["spec"]["containers"][0]
    assert isinstance(container, dict)
    return container


def environment(template: Object) -> dict[str, str]:
    """Return the variables of the container; those of Secrets have a text of their own."""
    found = {
        each["name"]: each.get("value", "from-a-secret") for each in container_of(template)["env"]
    }
    password = found.pop("BUNDLED_PASSWORD", "")
    url = found["REDIS_URL"].replace("$(BUNDLED_PASSWORD)", password)
    found["REDIS_URL"] = "redis://redis:6379/0" if url == "from-a-secret" else url
    if "API_ACCESS_REDIS_URL" in found:
        found["API_ACCESS_REDIS_URL"] = "redis://redis:6379/0"
    return found


def settings_of(found: Rendered, component: str) -> dict[str, dict[str, str]]:
    """Return the variables of each workload of a component."""
    return {
        name: environment(template)
        for name, template in found.pods()
        if template["metadata"]["labels"]["app.kubernetes.io/component"] == component
    }


@pytest.mark.parametrize("component", KINDS)
@pytest.mark.parametrize("name", VALUES)
def test_services_accept_their_settings(
    name: str, component: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)  # where no .env is
    workloads = settings_of(rendered(name), component)
    assert workloads
    fields = {field.upper() for field in KINDS[component].model_fields} | set(OTHERS)
    for settings in workloads.values():
        assert set(settings) <= fields
        assert find_unknown_settings(settings) == []
        for variable in known_names():
            monkeypatch.delenv(variable, raising=False)
        for variable, value in settings.items():
            monkeypatch.setenv(variable, value)
        KINDS[component]()


def test_collectors_share_each_venue_by_shards() -> None:
    sets = settings_of(rendered("two shards"), "collector")
    assert {name: each["COLLECTOR_SHARD"] for name, each in sets.items()} == {
        "books-kraken-book-kraken-0-of-1": "0/1",
        "books-kraken-book-kraken-0-of-2": "0/2",
        "books-kraken-book-kraken-1-of-2": "1/2",
    }
    replicas = {each["spec"]["replicas"] for each in collectors(rendered("two shards"))}
    assert replicas == {2}


def collectors(found: Rendered) -> list[Object]:
    sets = found.of_kind("StatefulSet")
    return [each for name, each in sets.items() if not name.endswith("-redis")]


def test_each_venue_has_collectors_with_its_own_settings() -> None:
    sets = settings_of(rendered("four venues"), "collector").values()
    assert {each["COLLECTOR_VENUE"] for each in sets} == set(VENUES)
    for each in sets:
        others = {venue.upper() for venue in VENUES} - {each["COLLECTOR_VENUE"].upper()}
        assert not {name.partition("_")[0] for name in each} & others
        assert each["STREAM_RETENTION"] == "600"
    sizes = rendered("four venues").of_kind("StatefulSet")
    replicas = {name: each["spec"]["replicas"] for name, each in sizes.items()}
    assert replicas["books-kraken-book-coinbase-0-of-1"] == 1
    assert replicas["books-kraken-book-binance-0-of-1"] == 2


def test_numbers_are_passed_on_as_they_were_written() -> None:
    (api,) = settings_of(rendered("all placed"), "api").values()
    assert (api["API_LIMIT_REQUESTS"], api["API_DRAIN"]) == ("1000000000", "7.5")
    sets = settings_of(rendered("four venues"), "collector")
    assert sets["books-kraken-book-binance-0-of-1"]["BINANCE_QUIET_RESYNC"] == "1000000"
    assert sets["books-kraken-book-bitfinex-0-of-1"]["COLLECTOR_LEASE"] == "2.5"


def test_tape_has_a_volume_of_each_collector() -> None:
    for each in collectors(rendered("two shards")):
        (claim,) = each["spec"]["volumeClaimTemplates"]
        (mount,) = container_of(each["spec"]["template"])["volumeMounts"]
        assert claim["metadata"]["name"] == mount["name"]
        assert mount["mountPath"] == environment(each["spec"]["template"])["COLLECTOR_TAPE"]
    for each in collectors(rendered()):
        assert "COLLECTOR_TAPE" not in environment(each["spec"]["template"])


@pytest.mark.parametrize("name", ["default", "all placed"])
def test_api_has_time_to_drain_after_the_pause(name: str) -> None:
    template = rendered(name).one("Deployment")["spec"]["template"]
    pause = float(container_of(template)["lifecycle"]["preStop"]["exec"]["command"][1])
    drain = float(environment(template)["API_DRAIN"])
    assert pause > 0
    assert template["spec"]["terminationGracePeriodSeconds"] > pause + drain


def test_api_has_memory_for_its_buffers_and_streams() -> None:
    template = rendered().one("Deployment")["spec"]["template"]
    settings = environment(template)
    needed = API_MB + int(settings["API_BUFFER_MB"]) * 1.05
    needed += int(settings["API_MAX_STREAMS"]) * READER_MB
    limit = re.fullmatch(r"(\d+)Mi", container_of(template)["resources"]["limits"]["memory"])
    assert limit is not None
    assert int(limit[1]) * 1.05 > needed


def test_probes_ask_the_operator_endpoints() -> None:
    for name, template in rendered().pods():
        container = container_of(template)
        if "redis" in name:
            continue
        assert container["readinessProbe"]["httpGet"] == {"path": "/readyz", "port": "ops"}
        assert container["livenessProbe"]["httpGet"] == {"path": "/healthz", "port": "ops"}
        (port,) = (each["containerPort"] for each in container["ports"] if each["name"] == "ops")
        settings = environment(template)
        assert settings.get("API_OPS_PORT", settings.get("COLLECTOR_PORT")) == str(port)


def test_image_listens_on_all_addresses() -> None:
    # The chart relies on it.
    text = (ROOT / "Dockerfile").read_text()
    for name in ("API_HOST", "API_OPS_HOST", "COLLECTOR_HOST"):
        assert f"{name}=0.0.0.0" in text


def test_api_serves_the_hosts_and_the_path_of_the_ingress() -> None:
    (settings,) = settings_of(rendered("ingress with TLS"), "api").values()
    assert settings["API_ROOT_PATH"] == "/kraken"
    hosts = settings["API_HOSTS"].split(",")
    assert hosts[0] == "books.example.com"
    assert "books-kraken-book-api.market.svc" in hosts
    (settings,) = settings_of(rendered(), "api").values()
    assert not {"API_HOSTS", "API_ROOT_PATH"} & set(settings)


def test_streams_pass_the_ingress_without_buffers_and_for_an_hour() -> None:
    notes = rendered("ingress with TLS").one("Ingress")["metadata"]["annotations"]
    prefix = "nginx.ingress.kubernetes.io/"
    assert notes[f"{prefix}proxy-buffering"] == "off"
    assert int(notes[f"{prefix}proxy-read-timeout"]) >= 3600
    assert int(notes[f"{prefix}proxy-send-timeout"]) >= 3600


@pytest.mark.parametrize("name", ["gateway", "own gateway"])
def test_streams_have_no_time_limit_at_the_gateway(name: str) -> None:
    (rule,) = rendered(name).one("HTTPRoute")["spec"]["rules"]
    assert rule["timeouts"] == {"request": "0s", "backendRequest": "0s"}


def test_number_of_replicas_belongs_to_the_autoscaler() -> None:
    assert "replicas" not in rendered().one("Deployment")["spec"]
    assert rendered().one("HorizontalPodAutoscaler")["spec"]["minReplicas"] >= 2
    assert rendered("all placed").one("Deployment")["spec"]["replicas"] == 3
    assert rendered("all placed").of_kind("HorizontalPodAutoscaler") == {}


def test_alerts_are_those_of_the_compose_profile() -> None:
    rule = rendered("four venues").one("PrometheusRule")
    text = (ROOT / "deploy" / "monitoring" / "alerts.yml").read_text()
    text = text.replace("runbook_url: ", "runbook_url: https://books.example.com/")
    assert rule["spec"] == yaml.safe_load(text)
    jobs = set(re.findall(r"\w+", " ".join(re.findall(r'job=~?"([^"]+)"', text))))
    # The label `job` of metrics is the component of their Service.
    monitors = rendered("four venues").of_kind("ServiceMonitor").values()
    assert {each["spec"]["jobLabel"] for each in monitors} == {"app.kubernetes.io/component"}
    assert jobs - {"site"} == {each["metadata"]["name"].split("-")[-1] for each in monitors}


def test_notes_warn_of_the_ban_a_missing_standby_and_an_open_api() -> None:
    assert "WARNING" not in rendered().notes
    # Three shards, because the one of the old number is there too.
    most = 3 * 2 * CollectorSettings.model_fields["kraken_connects_per_10_min"].default
    assert f"may make {most} connections in 10 minutes" in rendered("two shards").notes
    assert "coinbase have no standby" in rendered("four venues").notes
    assert "everybody who reaches the api" in rendered("gateway").notes
    assert "everybody who reaches the api" not in rendered("ingress with TLS").notes
    assert "https://books.example.com/kraken/" in rendered("ingress with TLS").notes
