"""The command line of the simulator."""

from __future__ import annotations

import pytest

from simulator.options import read_options


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--symbols", "BTC-USD;ETH"], "--symbols: 'BTC-USD;ETH' is not a symbol: use BASE/QUOTE"),
        (["--symbols", "XBT/USD"], "use BTC/USD"),
        (["--symbols", ","], "no symbol given"),
        (["--rate", "-1"], "--rate: '-1' is not a rate: use updates per second, 0 or more"),
        (["--rate", "nan"], "'nan' is not a rate"),
        (["--port", "99999"], "'99999' is not a port: use 1 to 65535"),
        (["--updates", "many"], "'many' is not a count"),
        (["--seed", "x"], "'x' is not a seed"),
        (["--speed", "fast", "--replay", "x"], "'fast' is not a speed: use a factor"),
        (["--loop"], "--replay PATH"),
        (["--log-level", "loud"], "'loud' is not a level: use one of debug"),
        (["--ports", "1"], "unrecognized arguments: --ports"),
        (["--venue", "nyse"], "--venue: invalid choice: 'nyse'"),
        (["--venue", "coinbase", "--symbols", "btc;usd"], "'btc;usd' is not a symbol"),
        (["--venue", "coinbase", "--symbols", "BTC-USD", "--replay", "x"], "it is served whole"),
        (["--levels", "0"], "--levels: '0' is not a number of levels: use 1 to 100000"),
        (["--rest-weight", "x"], "--rest-weight: 'x' is not a weight"),
        (["--heartbeat", "0"], "--heartbeat: '0' are not seconds"),
        (["--fault", "explode"], "--fault: there is no fault 'explode': use one of corrupt"),
        (["--fault", "corrupt"], "--fault: corrupt: symbol is missing"),
        (["--fault", "mute?seconds=x"], "--fault: mute: seconds=x: it takes seconds"),
    ],
)
def test_bad_option_is_refused_in_one_line(
    arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        read_options(arguments)
    assert ended.value.code == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("simulator: ")
    assert message in line
