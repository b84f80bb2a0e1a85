"""Random faults are valid for the simulator, and repeat with their seed."""

from __future__ import annotations

from itertools import islice

import pytest

from simulator.faults.kinds import PairStatus
from simulator.faults.text import name_of as name_of_kind
from simulator.faults.text import parse_fault
from simulator.protocols.pairs import MarketOptions
from simulator.protocols.registry import OTHER_VENUES, open_other_venue
from tools.faults import FaultMaker, name_of
from tools.soak.run import symbols_of

SYMBOLS = symbols_of(200)
OF_CONNECTIONS = {
    *("close", "drop", "accept_and_close", "refuse_connections", "answer_late", "answer_never"),
    *("rate_limit", "garbage", "big", "lag", "mute of all", "status"),
}


OF_VENUES = {
    *("gap", "maintenance", "ban", "limits", "slow_rest", "rest_error", "rest_limit"),
    *("swallow", "repeat", "reorder", "drop", "silence", "mute", "rate_limit", "pair_status"),
}


def faults(seed: int, count: int = 4000) -> list[str]:
    return made_by(FaultMaker(SYMBOLS, seed), count)


def made_by(maker: FaultMaker, count: int = 4000) -> list[str]:
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


@pytest.mark.parametrize("venue", OTHER_VENUES)
def test_other_venues_have_the_faults_that_their_simulator_has(venue: str) -> None:
    pairs = ["BTC/USD", "ETH/USD"]
    known = open_other_venue(venue, MarketOptions(symbols=tuple(pairs)))
    made = made_by(FaultMaker(pairs, 1, venue, 4, delists=True))
    for fault in made:
        name, _, parameters = fault.partition("?")
        parsed = parse_fault(name, parameters)
        assert type(parsed) in known.faults, fault
        if isinstance(parsed, PairStatus):
            assert parsed.status in known.pair_states
    names = {name_of_kind(kind) for kind in known.faults}
    assert {name_of(fault) for fault in made} >= OF_VENUES & names
    assert any("status=delisted" in fault for fault in made)


def test_repairs_bring_back_each_pair_that_is_not_online() -> None:
    maker = FaultMaker(["BTC/USD", "ETH/USD"], 3, "coinbase", delists=True)
    states = {}
    for fault in made_by(maker, 300):
        name, _, parameters = fault.partition("?")
        if isinstance(parsed := parse_fault(name, parameters), PairStatus):
            states[parsed.symbol] = parsed.status
    halted = {symbol for symbol, status in states.items() if status != "online"}
    assert set(maker.repairs()) == {
        f"pair_status?symbol={symbol}&status=online" for symbol in halted
    }
    assert maker.repairs() == []
