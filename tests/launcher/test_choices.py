"""What the launcher decides before anything starts."""

from __future__ import annotations

import shlex
import socket
import sys
from pathlib import Path

import pytest

from api.settings import ApiSettings
from collector.settings import CollectorSettings
from launcher.errors import CannotStartError
from launcher.feed import markets_are_simulated
from launcher.ports import choose_port, free_port, require_port, why_not_bindable
from launcher.services import Service, services_for
from launcher.settings import LauncherSettings
from launcher.welcome import welcome_lines
from service.settings import ServiceSettings


@pytest.fixture(autouse=True)
def bare(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No setting but a test's own, neither in the environment nor in `.env`."""
    for field in LauncherSettings.model_fields:
        monkeypatch.delenv(field.upper(), raising=False)
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def reason(monkeypatch: pytest.MonkeyPatch) -> list[str | None]:
    """What the probe answers, one after the other."""
    answers: list[str | None] = []
    monkeypatch.setattr("launcher.feed.why_unreachable", lambda _url: answers.pop(0))
    return answers


class TestSettings:
    def test_what_is_given_is_told_from_defaults(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("REDIS_URL", "")
        Path(".env").write_text("COLLECTOR_PORT=9820\n")
        settings = LauncherSettings()
        assert settings.given("collector_port")
        assert not settings.given("redis_url"), "empty is as good as absent"

    def test_symbols(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("KRAKEN_SYMBOLS", "ETH/USD, BTC/USD,ETH/USD")
        assert LauncherSettings().selection.names == ("ETH/USD", "BTC/USD")

    @pytest.mark.parametrize("service", [CollectorSettings, ApiSettings])
    def test_the_defaults_are_those_of_the_service(self, service: type[ServiceSettings]) -> None:
        ours, theirs = LauncherSettings(), service()
        shared = set(LauncherSettings.model_fields) & set(service.model_fields)
        assert shared > set(ServiceSettings.model_fields)
        for field in shared:
            assert getattr(ours, field) == getattr(theirs, field), field


class TestFeed:
    def test_without_kraken_simulated_and_said_loudly(
        self, reason: list[str | None], capsys: pytest.CaptureFixture[str]
    ) -> None:
        reason.append("no route")
        assert markets_are_simulated(LauncherSettings())
        assert capsys.readouterr().out == (
            "!! Kraken cannot be reached (no route): showing SIMULATED markets."
            " make run FEED=live insists.\n"
        )

    def test_with_kraken_live(
        self, reason: list[str | None], capsys: pytest.CaptureFixture[str]
    ) -> None:
        reason.append(None)
        assert not markets_are_simulated(LauncherSettings())
        assert capsys.readouterr().out == ""

    @pytest.mark.usefixtures("reason")  # without one: a probe would fail
    def test_what_is_asked_for_is_done_unprobed(self) -> None:
        assert not markets_are_simulated(LauncherSettings(feed="live"))
        assert markets_are_simulated(LauncherSettings(feed="simulated"))


class TestPorts:
    def test_one_in_use_is_refused_with_another_to_try(self) -> None:
        with socket.create_server(("127.0.0.1", 0)) as other:
            port = other.getsockname()[1]
            with pytest.raises(CannotStartError) as caught:
                require_port("127.0.0.1", port, "API_PORT")
        assert str(caught.value) == (
            f"port {port} on 127.0.0.1 is in use; choose another: make run API_PORT={port + 1}"
        )

    def test_one_in_use_on_every_address_is_in_use(self) -> None:
        with socket.create_server(("0.0.0.0", 0)) as other:
            assert "in use" in (why_not_bindable("127.0.0.1", other.getsockname()[1]) or "")

    def test_a_host_that_is_not_ours(self) -> None:
        assert "cannot be used" in (why_not_bindable("192.0.2.1", 3000) or "")

    def test_a_default_gives_way_and_says_so(self, capsys: pytest.CaptureFixture[str]) -> None:
        with socket.create_server(("127.0.0.1", 0)) as other:
            port = other.getsockname()[1]
            chosen = choose_port("127.0.0.1", port, "COLLECTOR_PORT", fixed=False)
            with pytest.raises(CannotStartError, match="COLLECTOR_PORT="):
                choose_port("127.0.0.1", port, "COLLECTOR_PORT", fixed=True)
        assert chosen != port
        assert capsys.readouterr().out == (
            f"port {port} on 127.0.0.1 is in use: using COLLECTOR_PORT={chosen}\n"
        )

    def test_a_free_one_is_taken_as_it_is(self, capsys: pytest.CaptureFixture[str]) -> None:
        port = free_port()
        assert choose_port("127.0.0.1", port, "COLLECTOR_PORT", fixed=False) == port
        assert capsys.readouterr().out == ""


class TestServices:
    def started(self, simulator_port: int | None, **settings: str) -> dict[str, Service]:
        chosen = LauncherSettings.model_validate(settings)
        services = services_for(chosen, "unix:///r.sock", 9101, simulator_port)
        return {service.name: service for service in services}

    def test_live(self) -> None:
        services = self.started(None)
        assert list(services) == ["collector", "api"]
        assert services["collector"].environment == {
            "REDIS_URL": "unix:///r.sock",
            "LOG_FORMAT": "console",
            "COLLECTOR_PORT": "9101",
        }
        assert services["collector"].command == f"exec {shlex.quote(sys.executable)} -m collector"

    def test_simulated(self) -> None:
        services = self.started(4000, kraken_symbols="A/B,C/D")
        assert list(services) == ["simulator", "collector", "api"]
        assert services["collector"].environment["KRAKEN_URL"] == "ws://127.0.0.1:4000/v2"
        assert services["simulator"].command.endswith(
            " -m simulator --port 4000 --rate 30 --symbols A/B,C/D"
        )

    def test_the_log_format_that_is_asked_for(self) -> None:
        assert self.started(None, log_format="json")["api"].environment["LOG_FORMAT"] == "json"

    def test_colours_for_a_terminal(self, monkeypatch: pytest.MonkeyPatch) -> None:
        assert "FORCE_COLOR" not in self.started(None)["api"].environment
        monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
        assert self.started(None)["api"].environment["FORCE_COLOR"] == "1"


class TestWelcome:
    def lines(self, url: str = "redis://h:1/0", *, simulated: bool = False, **given: str) -> str:
        settings = LauncherSettings.model_validate(given)
        return "\n".join(welcome_lines(settings, url, simulated=simulated))

    @pytest.fixture(autouse=True)
    def programs(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
        """What is on the PATH: redis-cli."""
        monkeypatch.setenv("PATH", str(tmp_path))
        (tmp_path / "redis-cli").touch(0o755)
        return tmp_path

    def test_a_block_to_copy_from(self) -> None:
        assert self.lines("unix:///tmp/r/redis.sock", kraken_symbols="ETH/EUR,BTC/USD") == (
            "feed: live Kraken\n"
            "open   http://localhost:3000\n"
            "curl   http://localhost:3000/symbols\n"
            "curl   http://localhost:3000/depth/ETH%2FEUR\n"
            "curl -N http://localhost:3000/stream/ETH%2FEUR\n"
            "redis-cli -s /tmp/r/redis.sock hgetall 'kraken:book:{ETH/EUR}'"
        )

    def test_simulated_is_said(self) -> None:
        assert self.lines(simulated=True).startswith("feed: SIMULATED\n")

    @pytest.mark.parametrize(
        ("host", "shown"),
        [
            ("0.0.0.0", "http://localhost:3000\n       or port 3000 on any other address"),
            ("::", "http://localhost:3000\n       or port 3000 on any other address"),
            ("192.0.2.7", "http://192.0.2.7:3000\ncurl"),
            ("::1", "http://[::1]:3000\ncurl"),
        ],
    )
    def test_the_host(self, host: str, shown: str) -> None:
        assert f"open   {shown}" in self.lines(api_host=host)

    @pytest.mark.parametrize(
        ("url", "line"),
        [
            ("unix:///r.sock?db=3", "redis-cli -s /r.sock -n 3 hgetall"),
            ("redis://:secret@h:1/2", "redis-cli -u 'redis://:***@h:1/2' hgetall"),
        ],
    )
    def test_redis_elsewhere(self, url: str, line: str) -> None:
        assert line in self.lines(url)

    def test_without_a_program_for_redis(self, programs: Path) -> None:
        (programs / "redis-cli").unlink()
        assert self.lines().endswith("\nREDIS_URL=redis://h:1/0")
