"""The command line; an error is one line that says what is wrong and what would be right."""

from __future__ import annotations

import argparse
import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from runtime.command_line import OneLineParser
from runtime.log_levels import LogLevels, parse_levels
from simulator.faults.kinds import AnyFault, FaultError
from simulator.faults.text import parse_fault
from simulator.market.catalogue import CATALOGUE, profile_of


@dataclass(frozen=True)
class SimulatorOptions:
    """The options of the simulator."""

    host: str
    port: int
    symbols: tuple[str, ...]
    """The symbols to serve; empty for all."""
    rate: float
    seed: int
    updates: int
    replay: Path | None
    speed: float
    loop: bool
    control: int | None
    """The control port; None to open none."""
    faults: tuple[AnyFault, ...]
    """The faults to apply at the start."""
    log_level: LogLevels | None
    """Log levels that replace those of LOG_LEVEL."""


def read_options(arguments: Sequence[str]) -> SimulatorOptions:
    """Return the options; exit with status 2 and one line if they are wrong."""
    parser = _parser()
    given = vars(parser.parse_args(arguments))
    if given["replay"] is None and (given["loop"] or given["speed"] is not None):
        parser.error("--speed and --loop are for a recording: name it with --replay FILE")
    given["speed"] = 1.0 if given["speed"] is None else given["speed"]
    given["faults"] = tuple(given["faults"])
    return SimulatorOptions(**given)


def _parser() -> argparse.ArgumentParser:
    parser = OneLineParser(
        "simulator",
        description="A stand-in for Kraken's WebSocket v2.",
        epilog="LOG_LEVEL and LOG_FORMAT (console or json), also from .env, say how it logs.",
        allow_abbrev=False,
    )
    add = parser.add_argument
    add("--host", default="127.0.0.1", help="address to listen on (%(default)s)")
    add("--port", type=_port, default=9443, help="0 takes a free one (%(default)s)")
    add(
        "--symbols",
        type=_symbols,
        default=(),
        help=f"comma-separated; any BASE/QUOTE gets a market (default: all {len(CATALOGUE)}"
        " of the catalogue, or of the recording)",
    )
    add(
        "--rate",
        type=_rate,
        default=100.0,
        help="updates a second, all together; half of them show in the best ten (%(default)s)",
    )
    add("--seed", type=_seed, default=1, help="the same seed, the same moves (%(default)s)")
    add("--updates", type=_count, default=0, help="stand still after so many (0: never)")
    add("--replay", type=Path, metavar="FILE", help="serve the book frames of a recording")
    add("--speed", type=_speed, help="times the recorded pace; 0 or max: as fast as it is read (1)")
    add("--loop", action="store_true", help="begin the recording again at its end")
    add(
        "--control",
        type=_port,
        metavar="PORT",
        help="serve faults, books and connections over HTTP; 0 takes a free port (none)",
    )
    add(
        "--fault",
        dest="faults",
        metavar="FAULT",
        type=_fault,
        action="append",
        default=[],
        help="let something go wrong, such as 'corrupt?symbol=BTC/USD&count=3'; may come again",
    )
    add(
        "--log-level",
        type=_levels,
        help="such as info,simulator.send_queue=debug (LOG_LEVEL, else info)",
    )
    return parser


def _levels(text: str) -> LogLevels:
    try:
        return parse_levels(text)
    except ValueError as error:
        # Argparse shows the text of ArgumentTypeError only.
        raise argparse.ArgumentTypeError(str(error)) from error


def _symbols(text: str) -> tuple[str, ...]:
    symbols = tuple(dict.fromkeys(part.strip() for part in text.split(",") if part.strip()))
    if not symbols:
        raise argparse.ArgumentTypeError("no symbol given: use BASE/QUOTE, such as BTC/USD,ETH/USD")
    for symbol in symbols:
        try:
            profile_of(symbol)
        except ValueError as error:
            raise argparse.ArgumentTypeError(str(error)) from error
    return symbols


def _port(text: str) -> int:
    port = _integer(text)
    if port is None or not 0 <= port <= 65535:
        raise argparse.ArgumentTypeError(
            f"{text!r} is no port: use 1 to 65535, or 0 for a free one"
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
        raise argparse.ArgumentTypeError(f"{text!r} is no rate: use updates a second, 0 or more")
    return rate


def _speed(text: str) -> float:
    speed = 0.0 if text == "max" else _number(text)
    if speed is None or speed < 0:
        raise argparse.ArgumentTypeError(f"{text!r} is no speed: use a factor, such as 10, or max")
    return speed or math.inf


def _count(text: str) -> int:
    count = _integer(text)
    if count is None or count < 0:
        raise argparse.ArgumentTypeError(f"{text!r} is no count: use an integer, 0 or more")
    return count


def _seed(text: str) -> int:
    seed = _integer(text)
    if seed is None:
        raise argparse.ArgumentTypeError(f"{text!r} is no seed: use an integer")
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
