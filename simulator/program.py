"""The simulator as a process: build the feed and the server from the options, and run them."""

from __future__ import annotations

import contextlib
import os
import sys
from contextlib import AsyncExitStack
from typing import NoReturn

import uvloop

from runtime.listening import PortInUse, inherited_listener
from runtime.log_output import LogOutput
from runtime.logs import configure_logs
from runtime.printable import printable
from runtime.process import hold_standard_descriptors
from runtime.service import stop_on_signals
from runtime.settings import LogSettings, read_settings
from simulator.control import controlled
from simulator.faults.kinds import FaultError
from simulator.injector import FaultInjector
from simulator.market.catalogue import CATALOGUE, profile_of
from simulator.options import SimulatorOptions, read_options
from simulator.protocols.kraken.feed import SimulatedFeed
from simulator.protocols.kraken.protocol import KrakenExchange, SimulatedKraken
from simulator.protocols.registry import open_other_venue
from simulator.protocols.venue import SimulatedVenue
from simulator.recording.lines import RecordingError
from simulator.recording.reader import read_recording
from simulator.recording.replay import Replay
from simulator.recording.replayed_venue import open_replayed_venue
from simulator.server import Simulator


def main() -> None:
    """Run the simulator with the options of the command line."""
    hold_standard_descriptors()
    options = read_options(sys.argv[1:])
    settings = read_settings(LogSettings)
    output = configure_logs(options.log_level or settings.log_level, settings.log_format)
    protocol = open_venue(options)
    uvloop.run(_serve(protocol, options, output))


def open_venue(options: SimulatorOptions) -> SimulatedVenue:
    """Return the venue for the options, or exit with status 2 if they do not fit it."""
    if options.venue == "kraken":
        return SimulatedKraken(_kraken_feed(options))
    if options.replay is None:
        return open_other_venue(options.venue, options.markets)
    try:
        return open_replayed_venue(
            options.venue, options.replay, speed=options.speed, loop=options.loop
        )
    except (OSError, UnicodeDecodeError, RecordingError) as error:
        _give_up(f"--replay: {error}")


def _kraken_feed(options: SimulatorOptions) -> SimulatedFeed:
    if options.replay is None:
        profiles = [profile_of(symbol) for symbol in options.symbols or CATALOGUE]
        if options.levels is not None:
            profiles = [profile.with_levels(options.levels) for profile in profiles]
        return KrakenExchange(
            profiles, seed=options.seed, rate=options.rate, updates=options.updates
        )
    try:
        tracks = read_recording(options.replay)
    except (OSError, UnicodeDecodeError, RecordingError) as error:
        _give_up(f"--replay: {error}")
    for symbol in options.symbols:
        if symbol not in tracks:
            _give_up(f"--symbols: {symbol} is not in {options.replay}: it has {', '.join(tracks)}")
    served = {symbol: tracks[symbol] for symbol in options.symbols or tracks}
    return Replay(served, speed=options.speed, loop=options.loop)


async def _serve(
    protocol: SimulatedVenue, options: SimulatorOptions, output: LogOutput | None
) -> None:
    stop = stop_on_signals(output)
    simulator = Simulator(
        protocol, host=options.host, port=options.port, listener=inherited_listener()
    )
    injector = FaultInjector(simulator, protocol)
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
                # Programs that start a simulator read its addresses from these lines.
                _print(f"control on {await stack.enter_async_context(control)}")
        except PortInUse as error:
            _give_up(str(error))
        except OSError as error:
            _give_up(
                f"cannot listen on {options.host} port {options.port}: {error.strerror}:"
                " choose another --host or --port; --port 0 takes a free port"
            )
        if simulator.rest_url is not None:
            _print(f"rest on {simulator.rest_url}")
        _print(f"listening on {simulator.url}")
        await simulator.wait(stop)


def _print(line: str) -> None:
    # Not print(): if the pipe's reader has gone, Python would report an error at exit.
    if sys.stdout is not None:
        with contextlib.suppress(OSError):
            os.write(sys.stdout.fileno(), f"{line}\n".encode())


def _give_up(message: str) -> NoReturn:
    print(printable(f"simulator: {message}"), file=sys.stderr)  # noqa: T201
    sys.exit(2)
