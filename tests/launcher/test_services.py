"""The sockets and processes of a run."""

from __future__ import annotations

import socket
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from api.settings import ApiSettings
from collector.settings import CollectorSettings
from launcher.embedded_redis import free_port
from launcher.errors import CannotStartError
from launcher.services import Service, open_listener, open_listeners, port_of, services_for
from launcher.settings import RunSettings, read_run_settings

pytestmark = pytest.mark.usefixtures("no_settings")


class TestOpenListener:
    def test_fixed_port_in_use_is_refused_with_another_to_try(self) -> None:
        with socket.create_server(("127.0.0.1", 0)) as other:
            port = other.getsockname()[1]
            with pytest.raises(CannotStartError) as caught:
                open_listener("127.0.0.1", port, "API_PORT", fixed=True)
        message, _, suggested = str(caught.value).rpartition("=")
        assert message == f"port {port} on 127.0.0.1 is in use; choose another: make run API_PORT"
        # Any program may have taken the suggested port since.
        assert port < int(suggested) <= 65_535

    def test_port_in_use_on_every_address_is_refused(self) -> None:
        with (
            socket.create_server(("0.0.0.0", 0)) as other,
            pytest.raises(CannotStartError, match="is in use"),
        ):
            open_listener("127.0.0.1", other.getsockname()[1], "API_PORT", fixed=True)

    def test_host_of_another_machine_is_refused(self) -> None:
        with pytest.raises(CannotStartError, match=r"port 3000 on 192\.0\.2\.1 cannot be used"):
            open_listener("192.0.2.1", 3000, "API_PORT", fixed=False)

    def test_default_port_in_use_is_replaced_by_another_that_is_printed(
        self, capsys: pytest.CaptureFixture[str]
    ) -> None:
        with socket.create_server(("127.0.0.1", 0)) as other:
            port = other.getsockname()[1]
            with (
                open_listener("127.0.0.1", port, "API_PORT", fixed=False) as first,
                open_listener("127.0.0.1", port, "API_PORT", fixed=False) as second,
            ):
                chosen = [port_of(first), port_of(second)]
        assert len({port, *chosen}) == 3
        assert capsys.readouterr().out == "".join(
            f"port {port} on 127.0.0.1 is in use: using API_PORT={each}\n" for each in chosen
        )

    def test_free_port_is_used_without_a_message(self, capsys: pytest.CaptureFixture[str]) -> None:
        port = free_port()
        with (
            open_listener("127.0.0.1", port, "COLLECTOR_PORT", fixed=False),
            pytest.raises(OSError, match="in use"),
            socket.create_server(("127.0.0.1", port)),
        ):
            pass
        assert capsys.readouterr().out == ""


class TestOpenListeners:
    def test_port_that_is_set_comes_before_a_default_port(self) -> None:
        port = free_port()
        settings = RunSettings(
            "auto",
            CollectorSettings(collector_port=port),
            # As a default: the field is not in the set of given ones.
            ApiSettings.model_construct(set(), api_port=port),
        )
        listeners = open_listeners(settings)
        assert port_of(listeners["collector"]) == port != port_of(listeners["api"])
        for listener in listeners.values():
            listener.close()

    def test_same_port_for_api_and_collector_is_refused(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("COLLECTOR_PORT", "3007")
        monkeypatch.setenv("API_PORT", "3007")
        with pytest.raises(CannotStartError, match="API_PORT and COLLECTOR_PORT are both 3007"):
            open_listeners(read_run_settings())


class TestServicesFor:
    @pytest.fixture
    def listeners(self) -> Iterator[dict[str, socket.socket]]:
        names = ("api", "collector", "simulator")
        opened = {name: socket.create_server(("127.0.0.1", 0)) for name in names}
        yield opened
        for listener in opened.values():
            listener.close()

    def services(self, listeners: dict[str, socket.socket], **settings: str) -> dict[str, Service]:
        run = RunSettings(
            "auto", CollectorSettings.model_validate(settings), ApiSettings.model_validate(settings)
        )
        services = services_for(run, "unix:///r.sock", listeners)
        return {service.name: service for service in services}

    def test_live_run_has_collector_and_api(self, listeners: dict[str, socket.socket]) -> None:
        listeners.pop("simulator").close()
        services = self.services(listeners)
        assert list(services) == ["collector", "api"]
        shared = {"REDIS_URL": "unix:///r.sock", "LOG_FORMAT": "console"}
        venue = {"COLLECTOR_VENUE": "kraken"}
        for name, variable, own in (
            ("collector", "COLLECTOR_PORT", venue),
            ("api", "API_PORT", {}),
        ):
            port = str(port_of(listeners[name]))
            assert services[name].environment == {**shared, **own, variable: port}
            assert services[name].listener is listeners[name]
        assert services["collector"].command == [sys.executable, "-m", "collector"]

    def test_simulated_run_has_simulator_with_the_selected_symbols(
        self, listeners: dict[str, socket.socket]
    ) -> None:
        services = self.services(listeners, kraken_symbols="A/B,C/D")
        assert list(services) == ["simulator", "collector", "api"]
        port = port_of(listeners["simulator"])
        assert services["collector"].environment["KRAKEN_URL"] == f"ws://127.0.0.1:{port}/v2"
        assert services["simulator"].listener is listeners["simulator"]
        assert " ".join(services["simulator"].command).endswith(
            f" -m simulator --venue kraken --port {port} --rate 30 --symbols A/B,C/D"
        )

    def test_services_get_the_log_format_of_the_settings(
        self, listeners: dict[str, socket.socket]
    ) -> None:
        services = self.services(listeners, log_format="json")
        assert services["api"].environment["LOG_FORMAT"] == "json"

    def test_services_use_colours_if_output_is_a_terminal(
        self, monkeypatch: pytest.MonkeyPatch, listeners: dict[str, socket.socket]
    ) -> None:
        assert "FORCE_COLOR" not in self.services(listeners)["api"].environment
        monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
        assert self.services(listeners)["api"].environment["FORCE_COLOR"] == "1"


def test_replay_takes_the_place_of_collector_and_simulator(tmp_path: Path) -> None:
    settings = RunSettings("auto", CollectorSettings(), ApiSettings(), tmp_path, "10")
    with socket.create_server(("127.0.0.1", 0)) as api:
        replay, served = services_for(settings, "redis://localhost", {"api": api})
    assert replay.command[1:] == [
        "-m", "kraken_book", "replay", "--loop", "--speed", "10", "--", str(tmp_path),
    ]  # fmt: skip
    assert replay.environment["REDIS_URL"] == "redis://localhost"
    assert (replay.name, served.name) == ("replay", "api")


def test_replay_listens_on_the_port_of_the_api_alone(tmp_path: Path) -> None:
    listeners = open_listeners(RunSettings("auto", CollectorSettings(), ApiSettings(), tmp_path))
    assert list(listeners) == ["api"]
    listeners["api"].close()


def test_each_venue_has_a_collector_and_its_own_simulator() -> None:
    settings = RunSettings("auto", CollectorSettings(), ApiSettings(), venues=("kraken", "binance"))
    listeners = open_listeners(settings)
    listeners["simulator-binance"] = open_listener("127.0.0.1", 0, "--port", fixed=False)
    try:
        services = {each.name: each for each in services_for(settings, "redis://r", listeners)}
    finally:
        for listener in listeners.values():
            listener.close()
    assert list(services) == ["collector", "simulator-binance", "collector-binance", "api"]
    port = services["simulator-binance"].arguments[3]
    binance = services["collector-binance"]
    assert binance.command[-1] == "collector"
    assert binance.environment["COLLECTOR_VENUE"] == "binance"
    assert binance.environment["BINANCE_URL"] == f"ws://127.0.0.1:{port}/ws"
    assert binance.environment["BINANCE_REST_URL"] == f"http://127.0.0.1:{port}"
    assert services["collector"].environment["COLLECTOR_VENUE"] == "kraken"
    assert "KRAKEN_URL" not in services["collector"].environment
