"""Faults as text: each has a description, and errors name the wrong parameter."""

from __future__ import annotations

import pytest

from simulator.faults.kinds import FAULTS, FaultError
from simulator.faults.text import parse_fault


@pytest.mark.parametrize("kind", FAULTS, ids=lambda kind: str(kind.__struct_config__.tag))
def test_every_fault_has_a_description(kind: type) -> None:
    assert kind.__doc__


@pytest.mark.parametrize(
    ("name", "query", "message"),
    [
        ("explode", "", "there is no fault 'explode': use one of corrupt, swallow, "),
        ("corrupt", "", "corrupt: symbol is missing: it takes a pair, such as BTC/USD"),
        ("corrupt", "symbol=BTC/USD&count=0", "corrupt: count=0: it takes a number of them, 1 or"),
        ("corrupt", "symbol=BTC/USD&count=many", "corrupt: count=many: it takes a number"),
        ("corrupt", "symbol=BTC/USD&symbol=A/B", "corrupt: symbol is given twice"),
        ("corrupt", "symbol=", "corrupt: symbol=: it takes a pair"),
        ("corrupt", "symbol=BTC/USD&often=1", "corrupt has no parameter 'often': it takes symbol"),
        ("drop", "code=1", "drop has no parameter 'code': it takes none"),
        ("close", "code=1006", "code=1006: it takes a code that may be sent, such as 1001"),
        ("mute", "seconds=nan", "mute: seconds=nan: it takes seconds, more than 0"),
        ("mute", "seconds=-1", "mute: seconds=-1: it takes seconds, more than 0"),
        ("garbage", "kind=paper", "garbage: kind=paper: it takes one of binary, json, text"),
        ("refuse_connections", "seconds=1&status=200", "status=200: it takes an HTTP status, 400"),
        ("status", "system=sleepy", "it takes one of cancel_only, maintenance, online, post_only"),
        ("big", "bytes=1", "big: bytes=1: it takes bytes, 100 to 50000000"),
    ],
)
def test_parse_fault_names_the_wrong_parameter(name: str, query: str, message: str) -> None:
    with pytest.raises(FaultError) as wrong:
        parse_fault(name, query)
    assert message in str(wrong.value)
