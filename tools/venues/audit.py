"""The promises: no event is lost silently, no book is wrong, and no venue disturbs another."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from lab.sse.account import Tally
from lab.sse.record import LIVE
from tools.soak.audit import StreamAudit
from tools.venues.sampler import SampledVenue

MAX_AGE_SECONDS = 5.0
"""The highest permitted age of a live book of a venue without faults: half of API_MAX_AGE."""
RECONNECTING = "stale: disconnected"
"""The client's status of all books after its api has been killed."""


@dataclass(frozen=True)
class Calm:
    """What was seen of a venue while only another one had faults."""

    sampled: SampledVenue
    statuses: tuple[str, ...] = ()
    """The statuses that readers of its books got."""
    new_epochs: tuple[str, ...] = ()
    """The books with another epoch than before."""
    resyncs: int = 0
    """The resyncs and reconnects that its collector counted."""


@dataclass(frozen=True)
class Turn:
    """The faults of one venue, until all its books were right again."""

    venue: str
    faults: tuple[str, ...]
    """Their names, in order."""
    collector_killed: bool
    api_killed: bool
    live_after: float
    """The seconds from the end of the last fault until all its books were live."""
    compared: int
    """The books that were compared with the simulator's."""
    calm: Mapping[str, Calm]
    """The other venues."""
    wrong: tuple[str, ...] = ()
    """The books that differed from the simulator's."""

    @property
    def broken(self) -> list[str]:
        """The broken promises of the turn."""
        return [
            *self.wrong,
            *(
                f"faults of {self.venue} disturbed {venue}: {fault}"
                for venue, calm in self.calm.items()
                for fault in disturbances(calm, api_killed=self.api_killed)
            ),
        ]


def disturbances(calm: Calm, *, api_killed: bool) -> Iterator[str]:
    """Generate the broken promises to a venue that had no faults itself.

    Args:
        calm: What was seen of the venue.
        api_killed: Whether an api was killed meanwhile, from which readers had to reconnect.

    Yields:
        A line for each broken promise.

    """
    sampled = calm.sampled
    if not sampled.samples:
        yield "no api listed its books"
    if sampled.max_age > MAX_AGE_SECONDS:
        yield f"a live book had an age of {sampled.max_age:.1f} s"
    for text, count in sampled.not_live.items():
        yield f"{text} in {count} of {sampled.samples} samples"
    allowed = {LIVE, RECONNECTING} if api_killed else {LIVE}
    if statuses := [text for text in calm.statuses if text not in allowed]:
        yield f"readers got the status {', '.join(sorted(set(statuses)))}"
    if calm.new_epochs:
        yield f"new epochs of {', '.join(calm.new_epochs)}"
    if calm.resyncs:
        yield f"{calm.resyncs} resyncs and reconnects of its collector"


@dataclass
class VenueAccount:
    """The account of one venue over the whole run."""

    streams: StreamAudit = field(default_factory=StreamAudit)
    """Every event in Redis, from the beginning or the last restart of Redis to the next."""
    read: Tally = field(default_factory=Tally)
    """What readers got, two for each book."""
    around_restarts: Tally = field(default_factory=Tally)
    """The part of `read` that came while Redis was restarted, and lost what it had."""
    checked: int = 0
    """The books that these readers verified."""
    published: int = 0
    """The updates that the collector published between two moments without updates."""
    found: int = 0
    """Those that the streams have of them."""
    broken: list[str] = field(default_factory=list)
    """The broken promises that were found during the run."""

    def broken_promises(self) -> Iterator[str]:
        """Generate the broken promises of the venue.

        Yields:
            A line for each.

        """
        yield from self.broken
        streams = self.streams
        yield from streams.broken
        counted = streams.events + streams.conflated + streams.uncounted
        if not streams.broken and counted != streams.numbers:
            yield f"{counted:,} of {streams.numbers:,} seqs are accounted for"
        if self.published != self.found:
            yield f"{self.published:,} updates were published, {self.found:,} are in the streams"
        # What Redis had, and nobody else, is lost with it: readers are told so.
        read = self.read - self.around_restarts
        if read.unexplained:
            yield f"readers were not told of {read.unexplained:,} events"
        if read.missed:
            yield f"readers missed {read.missed:,} events"
        if not self.read.events:
            yield "readers got no event"
