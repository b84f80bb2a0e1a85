"""The compose file agrees with the image and the services' settings; no container runs."""

from __future__ import annotations

import re
from typing import Any

import pytest
import yaml

from api.http.proxies import TrustedProxies
from api.settings import ApiSettings
from collector.settings import VENUES, CollectorSettings
from lab.process import ROOT
from runtime.redis.url import parse_redis_url

COMPOSE: dict[str, Any] = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]

# The image sets the addresses that services listen on; the compose file publishes the ports.
LISTENS = {"API_HOST", "API_PORT", "API_OPS_HOST", "COLLECTOR_HOST", "COLLECTOR_PORT"}
COLLECTORS = {
    f"collector{'' if venue == 'kraken' else f'-{venue}'}{standby}": venue
    for venue in VENUES
    for standby in ("", "-standby")
}
# They do something once, and end.
ONCE = ("passwords", "cluster")
REDIS = {"redis", "redis-replica", *(f"redis-{number}" for number in range(1, 7))}
SENTINELS = {f"sentinel-{number}" for number in (1, 2, 3)}
PROXIES = {"HTTPS_PROXY", "NO_PROXY"}
# Published on this machine only.
LOOK_AT = ("prometheus", "grafana")


def settings_of(service: str) -> set[str]:
    """Return the settings of a service that containers take from outside."""
    if service == "api":
        return {name.upper() for name in ApiSettings.model_fields} - LISTENS
    names = {name.upper() for name in CollectorSettings.model_fields} - LISTENS
    followed = COLLECTORS[service].upper()
    others = {venue.upper() for venue in VENUES} - {followed}
    of_others = {name for name in names if name.partition("_")[0] in others}
    return names - of_others | {name for name in names if name.startswith("KRAKEN_BOOK_")}


@pytest.mark.parametrize("service", [*COLLECTORS, "api"])
def test_compose_file_passes_every_setting_on(service: str) -> None:
    environment = SERVICES[service]["environment"]
    assert set(environment) - PROXIES == settings_of(service)
    given = {name for name, value in environment.items() if value is not None}
    fixed = "API_TRUSTED_PROXIES" if service == "api" else "COLLECTOR_VENUE"
    assert given == {"REDIS_URL", fixed}


@pytest.mark.parametrize(("service", "venue"), COLLECTORS.items())
def test_each_venue_has_a_collector_of_its_own(service: str, venue: str) -> None:
    said = SERVICES[service]
    assert said["environment"]["COLLECTOR_VENUE"] == venue
    assert said.get("profiles", []) == ([] if venue == "kraken" else [venue])
    # Two collectors cannot write into one folder.
    standby = "-standby" if service.endswith("-standby") else ""
    tape = f"tape{'' if venue == 'kraken' else f'-{venue}'}{standby}:/tape"
    assert said["volumes"] == ["secrets-collector:/secrets:ro", tape]


@pytest.mark.parametrize("service", [*COLLECTORS, "api"])
def test_service_has_the_password_of_its_own_user_alone(service: str) -> None:
    user = "api" if service == "api" else "collector"
    url = SERVICES[service]["environment"]["REDIS_URL"]
    plain = re.sub(r"\$\{\w+:-([^}]*)\}", r"\1", url)
    assert plain == f"redis://{user}@redis:6379/0?password_file=/secrets/password"
    secrets = [each for each in SERVICES[service]["volumes"] if each.startswith("secrets-")]
    assert secrets == [f"secrets-{user}:/secrets:ro"]


@pytest.mark.parametrize("name", ["sentinel", "cluster"])
def test_profile_of_redis_has_an_address_of_its_services(name: str) -> None:
    text = (ROOT / "deploy" / f"{name}.env").read_text()
    said = dict(re.findall(r"^(\w+)=(.*)$", text, re.MULTILINE))
    assert said["COMPOSE_PROFILES"] == name
    url = f"{said['REDIS_SCHEME']}://api@{said['REDIS_ADDRESS']}"
    hosts = {address.host for address in parse_redis_url(url).addresses}
    ours = {each for each, what in SERVICES.items() if what.get("profiles") == [name]}
    assert hosts == {each for each in ours if each.startswith(("sentinel-", "redis-"))} - {
        "redis-replica"
    }
    assert set(said["REDIS_NODES"].split()) == {"redis"} | (ours & REDIS)
    # In a cluster, `redis` runs, but no service uses it.
    used = (ours & REDIS) | ({"redis"} if name == "sentinel" else set())
    assert watched(said["REDIS_TARGETS"]) == {f"{node}:6379" for node in used}


def watched(name: str) -> set[str]:
    """Return the servers of Redis that Prometheus watches with one of its lists."""
    groups = yaml.safe_load((ROOT / "deploy" / "monitoring" / name).read_text())
    return {target for group in groups for target in group["targets"]}


def test_prometheus_watches_the_redis_of_the_profile() -> None:
    (mount,) = [each for each in SERVICES["prometheus"]["volumes"] if "REDIS_TARGETS" in each]
    chosen = re.fullmatch(
        r"\./deploy/monitoring/\$\{REDIS_TARGETS:-(.+)\}:/etc/prometheus/(.+):ro", mount
    )
    assert chosen is not None
    # The file that another one covers must exist, because the folder is mounted read-only.
    assert chosen[1] == chosen[2]
    assert watched(chosen[1]) == {"redis:6379"}


def test_api_trusts_the_networks_that_docker_gives_to_caddy() -> None:
    given = SERVICES["api"]["environment"]["API_TRUSTED_PROXIES"]
    networks = re.fullmatch(r"\$\{API_TRUSTED_PROXIES:-(.+)\}", given)
    assert networks is not None
    proxies = TrustedProxies.parse(networks[1])
    headers = [(b"x-forwarded-for", b"203.0.113.9")]
    for caddy in ("172.18.0.5", "192.168.16.2", "10.1.2.3"):
        scope = {"type": "http", "client": (caddy, 1), "headers": headers}
        assert proxies.client_address(scope) == "203.0.113.9"


@pytest.mark.parametrize("service", SERVICES)
def test_service_drops_privileges(service: str) -> None:
    said = SERVICES[service]
    assert said["read_only"] is True
    assert said["cap_drop"] == ["ALL"]
    added = {"caddy": ["NET_BIND_SERVICE"], "passwords": ["CHOWN"]}
    assert said.get("cap_add", []) == added.get(service, [])
    assert said["security_opt"] == ["no-new-privileges:true"]
    assert "mem_limit" in said
    assert "pids_limit" in said


def test_health_check_of_the_api_follows_its_ops_port() -> None:
    check = SERVICES["api"]["healthcheck"]["test"][-1]
    assert check == "http://127.0.0.1:${API_OPS_PORT:-3000}/readyz"
    # Caddy's check may not need an operator endpoint.
    assert SERVICES["caddy"]["healthcheck"]["test"][-1].endswith("/robots.txt")


@pytest.mark.parametrize("service", sorted(SERVICES.keys() - set(ONCE)))
def test_service_has_a_health_check_and_restarts_after_a_crash(
    service: str,
) -> None:
    assert SERVICES[service]["healthcheck"]["test"][0] == "CMD"
    assert SERVICES[service]["restart"] == "unless-stopped"


def test_only_caddy_is_published_and_only_services_reach_redis() -> None:
    published = {name: said["ports"] for name, said in SERVICES.items() if "ports" in said}
    assert set(published) == {"caddy", *LOOK_AT}
    for name in LOOK_AT:
        assert [port.split(":")[0] for port in published[name]] == ["127.0.0.1"]
    assert COMPOSE["networks"]["inside"] == {"internal": True}
    inside = {name for name, said in SERVICES.items() if "inside" in said["networks"]}
    assert inside == {"api", "redis-exporter", *ONCE, *REDIS, *SENTINELS, *COLLECTORS}


def test_api_has_time_to_drain() -> None:
    grace = re.fullmatch(r"\$\{\w+:-(\d+)s\}", SERVICES["api"]["stop_grace_period"])
    assert grace is not None
    assert int(grace[1]) > ApiSettings.model_fields["api_drain"].default
