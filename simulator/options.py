"""The command line; an error is one line that names the wrong option and a right value."""

from __future__ import annotations

import argparse
import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from runtime.command_line import FROM_ENV_FILE, ExitCodes, OneLineParser, describe_variables
from runtime.log_levels import LogLevels, parse_levels
from runtime.settings import LogSettings
from simulator.faults.kinds import AnyFault, FaultError
from simulator.faults.text import parse_fault
from simulator.market.catalogue import CATALOGUE, profile_of
from simulator.protocols.pairs import MarketOptions
from simulator.protocols.registry import OTHER_VENUES, check_symbols

_MAX_LEVELS = 100_000
EXIT_CODES: ExitCodes = {
    0: "stopped by SIGINT (Ctrl-C), SIGTERM or SIGHUP",
    1: "a part of it has failed",
    2: "an option, a setting or the recording is invalid, or it cannot listen on its port",
}


@dataclass(frozen=True)
class SimulatorOptions:
    """The options of the simulator."""

    venue: str
    host: str
    port: int
    symbols: tuple[str, ...]
    """The symbols to serve; empty for all of the catalogue or of the recording."""
    levels: int | None
    """The number of levels a side; None for the venue's usual one."""
    rest_weight: int | None
    """The limit of REST's weight a minute; None for the venue's own."""
    heartbeat: int | None
    """The seconds after which a quiet channel has a heartbeat; None for the venue's own."""
    rate: float
    seed: int
    updates: int
    replay: Path | None
    speed: float
    loop: bool
    control: int | None
    """The control port; None for no control port."""
    faults: tuple[AnyFault, ...]
    """The faults to apply at the start."""
    log_level: LogLevels | None
    """Log levels that replace those of LOG_LEVEL; None to use LOG_LEVEL."""

    @property
    def markets(self) -> MarketOptions:
        """The options of the synthetic markets."""
        return MarketOptions(
            self.symbols,
            self.levels,
            self.rate,
            self.seed,
            self.updates,
            self.rest_weight,
            self.heartbeat,
        )


def read_options(arguments: Sequence[str]) -> SimulatorOptions:
    """Return the options, or exit with status 2 and one line if they are wrong."""
    parser = _parser()
    given = vars(parser.parse_args(arguments))
    if given["replay"] is None and (given["loop"] or given["speed"] is not None):
        parser.error("--speed and --loop require a recording: name it with --replay PATH")
    if given["replay"] is not None and given["symbols"] and given["venue"] != "kraken":
        parser.error("--symbols does not go with --replay of this venue: it is served whole")
    try:
        _check_symbols(given["venue"], given["symbols"])
    except ValueError as error:
        parser.error(f"argument --symbols: {error}")
    given["speed"] = 1.0 if given["speed"] is None else given["speed"]
    given["faults"] = tuple(given["faults"])
    return SimulatorOptions(**given)


def _parser() -> argparse.ArgumentParser:
    parser = OneLineParser(
        "simulator",
        "Simulates Kraken, or another venue, with faults on request.",
        EXIT_CODES,
        describe_variables(LogSettings),
        FROM_ENV_FILE,
    )
    add = parser.add_argument
    add(
        "--venue",
        choices=("kraken", *OTHER_VENUES),
        default="kraken",
        help="venue to simulate (default: %(default)s)",
    )
    add("--host", default="127.0.0.1", help="address to listen on (default: %(default)s)")
    add(
        "--port",
        type=_port,
        default=9443,
        help="port to listen on, or 0 for a free port (default: %(default)s)",
    )
    add(
        "--symbols",
        type=_symbols,
        default=(),
        help="symbols to serve, separated by commas; any BASE/QUOTE gets a market"
        f" (default: all {len(CATALOGUE)} of the catalogue, or all of the recording)",
    )
    add(
        "--levels",
        type=_levels_of_a_side,
        help="number of levels of a side of each book (default: some hundreds)",
    )
    add(
        "--rest-weight",
        type=_weight,
        help="limit of REST's weight a minute at binance (default: 6000)",
    )
    add(
        "--heartbeat",
        type=_heartbeat,
        metavar="SECONDS",
        help="seconds after which a quiet channel of bitfinex has a heartbeat (default: 15)",
    )
    add(
        "--rate",
        type=_rate,
        default=100.0,
        help="updates per second over all markets; about half of them change the best ten"
        " levels (default: %(default)g)",
    )
    add(
        "--seed",
        type=_seed,
        default=1,
        help="seed of all moves: the same seed makes the same moves (default: %(default)s)",
    )
    add(
        "--updates",
        type=_count,
        default=0,
        help="number of updates after which the markets stop, or 0 for no limit (default: 0)",
    )
    add(
        "--replay",
        type=Path,
        metavar="PATH",
        help="replay the book frames of a recording instead of synthetic markets: a tape, a folder"
        " of tapes, or a file of one frame per line",
    )
    add(
        "--speed",
        type=_speed,
        help="factor of the recorded pace, or max for as fast as clients read (default: 1)",
    )
    add("--loop", action="store_true", help="repeat the recording without end")
    add(
        "--control",
        type=_port,
        metavar="PORT",
        help="port of an HTTP interface to faults, books and connections, or 0 for a free port"
        " (default: none)",
    )
    add(
        "--fault",
        dest="faults",
        metavar="FAULT",
        type=_fault,
        action="append",
        default=[],
        help="fault to apply at the start, such as 'corrupt?symbol=BTC/USD&count=3'; may be"
        " repeated",
    )
    add(
        "--log-level",
        type=_levels,
        help="log levels, such as info,simulator.send_queue=debug (default: LOG_LEVEL, or info)",
    )
    return parser


def _levels(text: str) -> LogLevels:
    try:
        return parse_levels(text)
    except ValueError as error:
        # Of all exceptions argparse shows only the text of ArgumentTypeError.
        raise argparse.ArgumentTypeError(str(error)) from error


def _symbols(text: str) -> tuple[str, ...]:
    symbols = tuple(dict.fromkeys(part.strip() for part in text.split(",") if part.strip()))
    if not symbols:
        raise argparse.ArgumentTypeError("no symbol given: use BASE/QUOTE, such as BTC/USD,ETH/USD")
    return symbols


def _check_symbols(venue: str, symbols: tuple[str, ...]) -> None:
    """Raise ValueError if the venue can have no such pair."""
    if venue != "kraken":
        check_symbols(venue, symbols)
        return
    for symbol in symbols:
        profile_of(symbol)


def _levels_of_a_side(text: str) -> int:
    count = _integer(text)
    if count is None or not 1 <= count <= _MAX_LEVELS:
        raise argparse.ArgumentTypeError(
            f"{text!r} is not a number of levels: use 1 to {_MAX_LEVELS}"
        )
    return count


def _weight(text: str) -> int:
    weight = _integer(text)
    if weight is None or weight < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not a weight: use an integer, 1 or more")
    return weight


def _heartbeat(text: str) -> int:
    seconds = _integer(text)
    if seconds is None or seconds < 1:
        raise argparse.ArgumentTypeError(f"{text!r} are not seconds: use an integer, 1 or more")
    return seconds


def _port(text: str) -> int:
    port = _integer(text)
    if port is None or not 0 <= port <= 65535:
        raise argparse.ArgumentTypeError(
            f"{text!r} is not a port: use 1 to 65535, or 0 for a free port"
        )
    return port


def _fault(text: str) -> AnyFault:
    name, _, query = text.partition("?")
    try:
        return parse_fault(name, query)
    except FaultError as error:
        raise argparse.ArgumentTypeError(str(error)) from error


def _rate(text: str) -> float:
    rate = _number(text)
    if rate is None or rate < 0:
        raise argparse.ArgumentTypeError(
            f"{text!r} is not a rate: use updates per second, 0 or more"
        )
    return rate


def _speed(text: str) -> float:
    speed = 0.0 if text == "max" else _number(text)
    if speed is None or speed < 0:
        raise argparse.ArgumentTypeError(
            f"{text!r} is not a speed: use a factor, such as 10, or max"
        )
    return speed or math.inf


def _count(text: str) -> int:
    count = _integer(text)
    if count is None or count < 0:
        raise argparse.ArgumentTypeError(f"{text!r} is not a count: use an integer, 0 or more")
    return count


def _seed(text: str) -> int:
    seed = _integer(text)
    if seed is None:
        raise argparse.ArgumentTypeError(f"{text!r} is not a seed: use an integer")
    return seed


def _integer(text: str) -> int | None:
    try:
        return int(text)
    except ValueError:
        return None


def _number(text: str) -> float | None:
    try:
        number = float(text)
    except ValueError:
        return None
    return number if math.isfinite(number) else None
