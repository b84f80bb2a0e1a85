"""Random faults are valid for the simulator, and repeat with their seed."""

from __future__ import annotations

from itertools import islice

from simulator.faults.text import parse_fault
from tools.soak.faults import FaultMaker, name_of
from tools.soak.run import symbols_of

SYMBOLS = symbols_of(200)
OF_CONNECTIONS = {
    *("close", "drop", "accept_and_close", "refuse_connections", "answer_late", "answer_never"),
    *("rate_limit", "garbage", "big", "lag", "mute of all", "status"),
}


def faults(seed: int, count: int = 4000) -> list[str]:
    maker = FaultMaker(SYMBOLS, seed)
    made = iter(maker.next, None)
    return [fault for requests in islice(made, count) for fault in requests]


def test_faults_depend_on_seed_alone() -> None:
    assert faults(7, 100) == faults(7, 100) != faults(8, 100)


def test_simulator_accepts_every_fault() -> None:
    for fault in faults(1):
        name, _, parameters = fault.partition("?")
        parse_fault(name, parameters)


def test_one_in_twenty_faults_is_of_all_connections() -> None:
    hit = [fault for fault in faults(1) if name_of(fault) in OF_CONNECTIONS]
    assert 100 < len(hit) < 300
    assert {name_of(fault) for fault in hit} == OF_CONNECTIONS
