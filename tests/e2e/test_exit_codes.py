"""The exit codes that `--help` of the services names are those of their processes."""

from __future__ import annotations

import signal
import socket
from collections.abc import Callable

import pytest

from lab.process import Process
from lab.stage import Stage
from runtime.command_line import STOPPED_OR_FAILED
from simulator.options import EXIT_CODES as SIMULATOR_EXIT_CODES

NOWHERE = "redis://127.0.0.1:1"

Start = Callable[[Stage], Process]


def start_api(stage: Stage) -> Process:
    return stage.api(NOWHERE)


def start_collector(stage: Stage) -> Process:
    collector = stage.collector(NOWHERE, "ws://127.0.0.1:1/v2")
    collector.wait_for_line("collector started")
    return collector


def start_simulator(stage: Stage) -> Process:
    return stage.simulator("--rate", "0")


@pytest.mark.parametrize("start", [start_api, start_collector, start_simulator])
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_service_that_is_stopped_by_a_signal_exits_with_0(
    stage: Stage, start: Start, number: signal.Signals
) -> None:
    for codes in (STOPPED_OR_FAILED, SIMULATOR_EXIT_CODES):
        assert number.name in codes[0]
    assert start(stage).stop(number) == 0


@pytest.mark.parametrize(("module", "code"), [("api", 1), ("collector", 1), ("simulator", 2)])
def test_service_whose_port_is_taken_exits_as_its_help_says(
    stage: Stage, module: str, code: int
) -> None:
    codes = SIMULATOR_EXIT_CODES if module == "simulator" else STOPPED_OR_FAILED
    assert "cannot listen on its port" in codes[code]
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        options = {f"{module.upper()}_PORT": port} if module != "simulator" else {}
        arguments = ["--port", port] if module == "simulator" else []
        assert stage.refused(module, *arguments, **options).wait_for_end() == code


@pytest.mark.parametrize("module", ["api", "collector", "simulator"])
def test_service_with_a_misspelt_setting_exits_with_2_and_names_the_right_one(
    stage: Stage, module: str
) -> None:
    service = stage.refused(module, KRAKEN_DEPHT="25")
    assert service.wait_for_end() == 2
    assert service.log == "KRAKEN_DEPHT: unknown setting; did you mean KRAKEN_DEPTH?\n"
