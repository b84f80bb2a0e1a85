"""`python -m simulator`: wires options, feed and server, until SIGINT or SIGTERM."""

from __future__ import annotations

import os
import sys
from contextlib import AsyncExitStack
from typing import NoReturn

import uvloop

from service.http_server import PortInUse
from service.logs import LogFormat, configure_logs
from service.stop import stop_on_signals
from simulator.catalogue import CATALOGUE, profile_of
from simulator.control import controlled
from simulator.exchange import Exchange
from simulator.faults import FaultError
from simulator.feed import Feed
from simulator.injector import Injector
from simulator.options import Options, read_options
from simulator.recording import RecordingError, read_recording
from simulator.replay import Replay
from simulator.server import Simulator


def main() -> None:
    """Run the simulator as the command line says."""
    options = read_options(sys.argv[1:])
    configure_logs(options.log_levels, _log_format())
    feed = open_feed(options)
    uvloop.run(_serve(feed, options))


def open_feed(options: Options) -> Feed:
    """The markets or the recording that the options name."""
    if options.replay is None:
        profiles = [profile_of(symbol) for symbol in options.symbols or CATALOGUE]
        return Exchange(profiles, seed=options.seed, rate=options.rate, updates=options.updates)
    try:
        tracks = read_recording(options.replay)
    except (OSError, UnicodeDecodeError, RecordingError) as error:
        _give_up(f"--replay: {error}")
    for symbol in options.symbols:
        if symbol not in tracks:
            _give_up(f"--symbols: {symbol} is not in {options.replay}: it has {', '.join(tracks)}")
    served = {symbol: tracks[symbol] for symbol in options.symbols or tracks}
    return Replay(served, speed=options.speed, loop=options.loop)


async def _serve(feed: Feed, options: Options) -> None:
    stop = stop_on_signals()
    simulator = Simulator(feed, host=options.host, port=options.port)
    injector = Injector(simulator, feed)
    for fault in options.faults:
        try:
            injector.inject(fault)
        except FaultError as error:
            _give_up(f"--fault: {error}")
    async with AsyncExitStack() as stack:
        try:
            await stack.enter_async_context(simulator)
            if options.control is not None:
                control = controlled(simulator, injector, options.host, options.control)
                # Looked for, at the beginning of a line, like the next.
                print(f"control on {await stack.enter_async_context(control)}", flush=True)  # noqa: T201
        except PortInUse as error:
            _give_up(str(error))
        except OSError as error:
            _give_up(
                f"cannot listen on {options.host} port {options.port}: {error.strerror}:"
                " choose another --host or --port; --port 0 takes a free one"
            )
        # Looked for, at the beginning of a line, by those who start us.
        print(f"listening on {simulator.url}", flush=True)  # noqa: T201
        await simulator.wait(stop)


def _give_up(message: str) -> NoReturn:
    print(f"simulator: {message}", file=sys.stderr)  # noqa: T201
    sys.exit(2)


def _log_format() -> LogFormat | None:
    match os.environ.get("LOG_FORMAT"):
        case None | "":
            return None
        case "console":
            return "console"
        case "json":
            return "json"
        case other:
            _give_up(f"LOG_FORMAT={other}: use console or json")


if __name__ == "__main__":
    main()
