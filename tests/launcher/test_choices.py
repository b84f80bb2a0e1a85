"""What the launcher decides before anything starts."""

from __future__ import annotations

import socket
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from api.settings import ApiSettings
from collector.settings import CollectorSettings
from kraken_book.selection import parse_selection
from launcher.embedded_redis import free_port
from launcher.errors import CannotStartError
from launcher.feed import markets_are_simulated
from launcher.services import Service, open_listener, open_listeners, port_of, services_for
from launcher.settings import LauncherSettings, RunSettings, read_run_settings
from launcher.terminal import Welcome


@pytest.fixture(autouse=True)
def bare(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No setting but a test's own, neither in the environment nor in `.env`."""
    for settings in (LauncherSettings, CollectorSettings, ApiSettings):
        for field in settings.model_fields:
            monkeypatch.delenv(field.upper(), raising=False)
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def reason(monkeypatch: pytest.MonkeyPatch) -> list[str | None]:
    """What the probe answers, one after the other."""
    answers: list[str | None] = []
    monkeypatch.setattr("launcher.feed.why_unreachable", lambda _url: answers.pop(0))
    return answers


class TestSettings:
    def test_given_settings_are_told_from_defaults(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("REDIS_URL", "")
        Path(".env").write_text("COLLECTOR_PORT=9820\n")
        settings = read_run_settings()
        assert settings.collector.is_given("collector_port")
        assert not settings.api.is_given("api_port")
        assert settings.redis_url is None, "empty is as good as absent"

    def test_given_redis_is_used(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("REDIS_URL", "redis://h:1/0")
        assert read_run_settings().redis_url == "redis://h:1/0"

    def test_settings_of_services_are_checked(
        self, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
    ) -> None:
        monkeypatch.setenv("API_MAX_AGE", "-1")
        with pytest.raises(SystemExit):
            read_run_settings()
        assert capsys.readouterr().err.startswith("API_MAX_AGE=-1: ")


class TestFeed:
    def test_without_kraken_simulated_and_said_loudly(
        self, reason: list[str | None], capsys: pytest.CaptureFixture[str]
    ) -> None:
        reason.append("no route")
        assert markets_are_simulated("auto", "ws://h")
        assert capsys.readouterr().out == (
            "!! Kraken cannot be reached (no route): showing SIMULATED markets."
            " make run FEED=live insists.\n"
        )

    def test_with_kraken_live(
        self, reason: list[str | None], capsys: pytest.CaptureFixture[str]
    ) -> None:
        reason.append(None)
        assert not markets_are_simulated("auto", "ws://h")
        assert capsys.readouterr().out == ""

    @pytest.mark.usefixtures("reason")  # without one: a probe would fail
    def test_what_is_asked_for_is_done_unprobed(self) -> None:
        assert not markets_are_simulated("live", "ws://h")
        assert markets_are_simulated("simulated", "ws://h")


class TestPorts:
    def test_given_port_in_use_is_refused_with_a_free_one_to_try(self) -> None:
        with socket.create_server(("127.0.0.1", 0)) as other:
            port = other.getsockname()[1]
            with pytest.raises(CannotStartError) as caught:
                open_listener("127.0.0.1", port, "API_PORT", fixed=True)
        said, _, suggested = str(caught.value).rpartition("=")
        assert said == f"port {port} on 127.0.0.1 is in use; choose another: make run API_PORT"
        # Not whether it is still free: any program may have taken it since.
        assert port < int(suggested) <= 65_535

    def test_port_in_use_on_every_address_is_in_use(self) -> None:
        with (
            socket.create_server(("0.0.0.0", 0)) as other,
            pytest.raises(CannotStartError, match="is in use"),
        ):
            open_listener("127.0.0.1", other.getsockname()[1], "API_PORT", fixed=True)

    def test_host_of_another_machine_is_refused(self) -> None:
        with pytest.raises(CannotStartError, match=r"port 3000 on 192\.0\.2\.1 cannot be used"):
            open_listener("192.0.2.1", 3000, "API_PORT", fixed=False)

    def test_default_port_in_use_gives_way_to_another_that_is_held_and_told(
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

    def test_free_port_is_listened_on_without_a_word(
        self, capsys: pytest.CaptureFixture[str]
    ) -> None:
        port = free_port()
        with (
            open_listener("127.0.0.1", port, "COLLECTOR_PORT", fixed=False),
            pytest.raises(OSError, match="in use"),
            socket.create_server(("127.0.0.1", port)),
        ):
            pass
        assert capsys.readouterr().out == ""

    def test_port_that_was_asked_for_comes_before_a_default_one(self) -> None:
        port = free_port()
        settings = RunSettings(
            "auto",
            CollectorSettings(collector_port=port),
            # By default, as nobody has given it.
            ApiSettings.model_construct(set(), api_port=port),
        )
        listeners = open_listeners(settings)
        assert port_of(listeners["collector"]) == port != port_of(listeners["api"])
        for listener in listeners.values():
            listener.close()

    def test_two_ports_that_are_one_are_refused(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("COLLECTOR_PORT", "3007")
        monkeypatch.setenv("API_PORT", "3007")
        with pytest.raises(CannotStartError, match="API_PORT and COLLECTOR_PORT are both 3007"):
            open_listeners(read_run_settings())


class TestServices:
    @pytest.fixture
    def listeners(self) -> Iterator[dict[str, socket.socket]]:
        names = ("api", "collector", "simulator")
        opened = {name: socket.create_server(("127.0.0.1", 0)) for name in names}
        yield opened
        for listener in opened.values():
            listener.close()

    def started(self, listeners: dict[str, socket.socket], **settings: str) -> dict[str, Service]:
        chosen = RunSettings(
            "auto", CollectorSettings.model_validate(settings), ApiSettings.model_validate(settings)
        )
        services = services_for(chosen, "unix:///r.sock", listeners)
        return {service.name: service for service in services}

    def test_live(self, listeners: dict[str, socket.socket]) -> None:
        listeners.pop("simulator").close()
        services = self.started(listeners)
        assert list(services) == ["collector", "api"]
        shared = {"REDIS_URL": "unix:///r.sock", "LOG_FORMAT": "console"}
        for name, variable in (("collector", "COLLECTOR_PORT"), ("api", "API_PORT")):
            port = str(port_of(listeners[name]))
            assert services[name].environment == {**shared, variable: port}
            assert services[name].listener is listeners[name]
        assert services["collector"].command == [sys.executable, "-m", "collector"]

    def test_simulated(self, listeners: dict[str, socket.socket]) -> None:
        services = self.started(listeners, kraken_symbols="A/B,C/D")
        assert list(services) == ["simulator", "collector", "api"]
        port = port_of(listeners["simulator"])
        assert services["collector"].environment["KRAKEN_URL"] == f"ws://127.0.0.1:{port}/v2"
        assert services["simulator"].listener is listeners["simulator"]
        assert " ".join(services["simulator"].command).endswith(
            f" -m simulator --port {port} --rate 30 --symbols A/B,C/D"
        )

    def test_the_log_format_that_is_asked_for(self, listeners: dict[str, socket.socket]) -> None:
        services = self.started(listeners, log_format="json")
        assert services["api"].environment["LOG_FORMAT"] == "json"

    def test_colours_for_a_terminal(
        self, monkeypatch: pytest.MonkeyPatch, listeners: dict[str, socket.socket]
    ) -> None:
        assert "FORCE_COLOR" not in self.started(listeners)["api"].environment
        monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
        assert self.started(listeners)["api"].environment["FORCE_COLOR"] == "1"


class TestWelcome:
    def lines(
        self,
        url: str = "redis://h:1/0",
        live: Sequence[str] = ("BTC/USD",),
        *,
        simulated: bool = False,
        symbols: str = "BTC/USD,ETH/USD,SOL/USD",
        host: str = "127.0.0.1",
        port: int = 3000,
    ) -> str:
        welcome = Welcome(host, port, port == 3000, parse_selection(symbols), url, simulated)
        return "\n".join(welcome.lines(live))

    @pytest.fixture(autouse=True)
    def programs(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
        """What is on the PATH: redis-cli."""
        monkeypatch.setenv("PATH", str(tmp_path))
        (tmp_path / "redis-cli").touch(0o755)
        return tmp_path

    def test_a_block_to_copy_from(self) -> None:
        live = ("BTC/USD", "ETH/EUR")
        assert self.lines("unix:///tmp/r/redis.sock", live, symbols="ETH/EUR,BTC/USD") == (
            "feed: live Kraken\n"
            "books: ETH/EUR, BTC/USD\n"
            "open   http://localhost:3000\n"
            "curl   http://localhost:3000/symbols\n"
            "curl   http://localhost:3000/depth/ETH%2FEUR\n"
            "curl -N http://localhost:3000/stream/ETH%2FEUR\n"
            "make tui\n"
            "redis-cli -s /tmp/r/redis.sock hgetall 'kraken:book:{ETH/EUR}'\n"
            "Ctrl-C ends it all"
        )

    @pytest.mark.parametrize(
        ("symbols", "live", "books", "path"),
        [
            ("NO/PE,ETH/EUR", ["ETH/EUR"], "ETH/EUR", "ETH%2FEUR"),
            ("*/EUR", ["ADA/EUR", "BTC/EUR"], "ADA/EUR, BTC/EUR", "ADA%2FEUR"),
            (
                "*",
                [f"A{i}/B" for i in range(9)],
                "A0/B, A1/B, A2/B, A3/B, A4/B and 4 more",
                "A0%2FB",
            ),
            ("*/EUR", [], "none is live yet; the lines above may say why", "BTC%2FEUR"),
            ("*", [], "none is live yet; the lines above may say why", "BTC%2FUSD"),
            ("ETH/EUR", [], "none is live yet; the lines above may say why", "ETH%2FEUR"),
        ],
    )
    def test_lines_are_of_a_book_that_is_there(
        self, symbols: str, live: list[str], books: str, path: str
    ) -> None:
        lines = self.lines(live=live, symbols=symbols).splitlines()
        assert f"books: {books}" in lines
        assert f"curl   http://localhost:3000/depth/{path}" in lines

    def test_another_port_is_in_every_line_that_needs_it(self) -> None:
        lines = self.lines(port=3001).splitlines()
        assert "make tui API_PORT=3001" in lines
        assert not any("3000" in line for line in lines)

    def test_simulated_is_said(self) -> None:
        assert self.lines(simulated=True).startswith("feed: SIMULATED\n")

    def test_kraken_without_a_live_book_is_not_called_live(self) -> None:
        assert self.lines(live=[]).startswith("feed: Kraken\nbooks: none is live yet;")

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
        assert f"open   {shown}" in self.lines(host=host)

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
        assert "\nREDIS_URL=redis://h:1/0\n" in self.lines()
