"""Redis users with minimal rights, wrong passwords, and TLS."""

from __future__ import annotations

from pathlib import Path

import pytest
import trustme
from redis import Redis
from redis.exceptions import AuthenticationError, NoPermissionError

from lab.ports import free_port
from lab.process import ROOT
from lab.redis_fleet import Fleet, RedisCluster, RedisServer, command
from lab.sse.client_reader import ClientReader
from lab.stage import Stage
from tests.e2e.limit_scene import SharedLimits

ACL = ROOT / "deploy" / "redis-acl.conf"
SYMBOLS = ("BTC/USD", "ETH/USD")


def assert_reader_goes_on(stage: Stage, collector_url: str, api_url: str) -> None:
    """Assert that events reach a reader before and after a restart of the collector."""
    simulator = stage.simulator("--symbols", ",".join(SYMBOLS), "--rate", "120")
    collector = stage.collector(collector_url, simulator.url, KRAKEN_SYMBOLS=",".join(SYMBOLS))
    api = stage.api(api_url)
    collector.wait_until_live(len(SYMBOLS))
    api.wait_until_live(*SYMBOLS)
    assert api.get("/readyz").status_code == 200
    reader = stage.enter(ClientReader(api.url, "BTC/USD"))
    reader.wait_until_live("BTC/USD", after=30)
    collector.stop()
    collector.restart()
    reader.wait_until_live("BTC/USD", after=reader.ladder("BTC/USD").seq + 30)
    assert reader.ladder("BTC/USD").counts.lagged == 0
    for service in (collector, api):
        assert "NOPERM" not in service.log
        assert "permission" not in service.log


def as_users(url: str) -> tuple[str, str]:
    """Return the URLs for the collector and for the api."""
    scheme, _, rest = url.partition("://")
    return f"{scheme}://collector:change-me-1@{rest}", f"{scheme}://api:change-me-2@{rest}"


def acl_for_tests(folder: Path) -> str:
    """Write the deployed configuration plus a user for the tests; return its path."""
    text = ACL.read_text()
    assert text.count("\nuser default off ") == 1
    path = folder / "acl.conf"
    path.write_text(text.replace("user default off", "user default on nopass"))
    return str(path)


def test_deployed_acl_users_can_do_their_work_and_no_more(stage: Stage, tmp_path: Path) -> None:
    server = stage.enter(Fleet(tmp_path)).server("redis")
    server.start(acl_for_tests(tmp_path))
    collector_url, api_url = as_users(server.url)
    assert_reader_goes_on(stage, collector_url, api_url)
    api, collector = Redis.from_url(api_url), Redis.from_url(collector_url)
    with pytest.raises(NoPermissionError):
        api.hset("kraken:symbols", "BTC/USD", "{}")
    with pytest.raises(NoPermissionError):
        collector.hset("somebody:else", "key", "value")
    api.close()
    collector.close()


def test_redis_with_the_deployed_users_has_all_data_after_a_restart(
    stage: Stage, tmp_path: Path
) -> None:
    users = tmp_path / "acl.conf"
    users.write_text(f"{ACL.read_text()}\nuser operator on nopass ~* &* +@all\n")
    server = stage.enter(Fleet(tmp_path)).server_for("operator", "redis", appendonly="yes")
    server.start(str(users))
    with pytest.raises(AuthenticationError):
        Redis.from_url(server.url).ping()
    simulator = stage.simulator("--symbols", "BTC/USD", "--rate", "120")
    collector_url, _ = as_users(server.url)
    collector = stage.collector(collector_url, simulator.url, KRAKEN_SYMBOLS="BTC/USD")
    collector.wait_until_live(1)
    collector.stop()
    book, events = "kraken:book:{BTC/USD}", "kraken:events:{BTC/USD}"
    before = server.client.hgetall(book), server.client.xlen(events)
    server.kill()
    server.start()
    assert (server.client.hgetall(book), server.client.xlen(events)) == before
    assert before[1]


def test_deployed_acl_users_work_in_cluster(stage: Stage, tmp_path: Path) -> None:
    cluster = stage.enter(RedisCluster(tmp_path, include=acl_for_tests(tmp_path)))
    collector_url, api_url = as_users(cluster.url)
    assert_reader_goes_on(stage, collector_url, api_url)
    SharedLimits(stage, api_url, tmp_path).assert_shared()
    for node in cluster.masters:
        assert node.client.keys("kraken-book:limits:*")


def test_wrong_password_is_logged_and_ends_no_service(stage: Stage, tmp_path: Path) -> None:
    server = stage.enter(Fleet(tmp_path)).server("redis")
    server.start(acl_for_tests(tmp_path))
    simulator = stage.simulator("--symbols", "BTC/USD")
    wrong = server.url.replace("://", "://collector:no-secret@")
    collector = stage.collector(wrong, simulator.url, KRAKEN_SYMBOLS="BTC/USD")
    api = stage.api(wrong)
    logged = (
        (collector, "lease request failed, retrying"),
        (api, "redis unavailable, streams wait"),
    )
    for service, event in logged:
        line = service.wait_for_line(event)
        assert line["reason"] == "wrong-password"
        assert "invalid username-password pair" in line["error"]
        assert f"127.0.0.1:{server.port}" in line["error"]
    for path in ("/readyz", "/depth/BTC%2FUSD"):
        problem = api.answers(path, 503).json()
        assert problem["type"] == "urn:kraken-book:redis-away"
        assert problem["reason"] == "wrong-password"
        assert problem["detail"].startswith("Redis refuses the password; ")
        assert str(server.port) not in problem["detail"]
    troubles = collector.get("/healthz").json()["redis"]["troubles"]
    assert {trouble["reason"] for trouble in troubles} == {"wrong-password"}
    for service, event in logged:
        assert "no-secret" not in service.log
        assert len(service.lines(event)) == 1, "once, not at each attempt"
    # Both services recover when the password becomes right.
    command(server, "ACL", "SETUSER", "collector", ">no-secret", "+hgetall")
    collector.wait_until_live(1)
    api.wait_until_live("BTC/USD")


def test_password_in_a_file_is_replaced_while_services_run(stage: Stage, tmp_path: Path) -> None:
    server = stage.enter(Fleet(tmp_path)).server("redis")
    server.start(acl_for_tests(tmp_path))
    urls = []
    for user, password in (("collector", "change-me-1"), ("api", "change-me-2")):
        (tmp_path / user).write_text(f"{password}\n")
        rest = server.url.removeprefix("redis://")
        urls.append(f"redis://{user}@{rest}?password_file={tmp_path / user}")
    simulator = stage.simulator("--symbols", "BTC/USD", "--rate", "120")
    collector = stage.collector(urls[0], simulator.url, KRAKEN_SYMBOLS="BTC/USD")
    api = stage.api(urls[1])
    api.wait_until_live("BTC/USD")
    reader = stage.enter(ClientReader(api.url, "BTC/USD"))
    reader.wait_until_live("BTC/USD", after=30)
    for user in ("collector", "api"):
        command(server, "ACL", "SETUSER", user, ">the-next")
        (tmp_path / f"{user}.new").write_text("the-next")
        (tmp_path / f"{user}.new").replace(tmp_path / user)
        command(server, "ACL", "SETUSER", user, "resetpass", ">the-next")
        assert command(server, "CLIENT", "KILL", "USER", user) > 0
    reader.wait_until_live("BTC/USD", after=reader.ladder("BTC/USD").seq + 100)
    assert reader.ladder("BTC/USD").counts.lagged == 0
    assert collector.metric("kraken_book_resyncs_total") == 0
    for service in (collector, api):
        for word in ("the-next", "change-me", "wrong-password", "redis.credentials"):
            assert word not in service.log


def test_missing_password_is_logged_and_services_recover(stage: Stage, tmp_path: Path) -> None:
    server = stage.enter(Fleet(tmp_path)).server("redis")
    server.start()
    # The connection of the test stays authenticated.
    server.client.config_set("requirepass", "secret")
    simulator = stage.simulator("--symbols", "BTC/USD")
    collector = stage.collector(server.url, simulator.url, KRAKEN_SYMBOLS="BTC/USD")
    api = stage.api(server.url)
    for service, event in (
        (collector, "lease request failed, retrying"),
        (api, "redis unavailable, streams wait"),
    ):
        assert service.wait_for_line(event)["reason"] == "password-missing"
    assert api.answers("/readyz", 503).json()["reason"] == "password-missing"
    server.client.config_set("requirepass", "")
    collector.wait_until_live(1)
    api.wait_until_live("BTC/USD")
    assert len(collector.lines("lease request failed, retrying")) == 1


def test_services_work_over_tls_with_private_authority(stage: Stage, tmp_path: Path) -> None:
    authority = trustme.CA()
    authority.cert_pem.write_to_path(tmp_path / "ca.pem")
    certificate = authority.issue_cert("127.0.0.1")
    certificate.private_key_pem.write_to_path(tmp_path / "key.pem")
    certificate.cert_chain_pems[0].write_to_path(tmp_path / "cert.pem")
    fleet = stage.enter(Fleet(tmp_path))
    tls_port = free_port()
    server = fleet.server(
        "redis",
        tls_port=tls_port,
        tls_cert_file=tmp_path / "cert.pem",
        tls_key_file=tmp_path / "key.pem",
        tls_ca_cert_file=tmp_path / "ca.pem",
        tls_auth_clients="no",
    )
    start_or_skip(server)
    url = f"rediss://127.0.0.1:{tls_port}/0"
    trusting = f"{url}?ssl_ca_certs={tmp_path / 'ca.pem'}"
    assert_reader_goes_on(stage, trusting, trusting)
    SharedLimits(stage, trusting, tmp_path).assert_shared()
    # A service that does not know the authority logs the error.
    doubting = stage.api(url)
    line = doubting.wait_for_line("redis unavailable, streams wait")
    assert "certificate verify failed" in line["error"].lower()


def start_or_skip(server: RedisServer) -> None:
    """Start a server with TLS; skip the test if the server was built without TLS."""
    try:
        server.start()
    except AssertionError as error:
        if "tls-port" in str(error) or "TLS support" in str(error):
            pytest.skip("the Redis server of this machine was built without TLS")
        raise
