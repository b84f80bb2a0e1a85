"""A run: one happening after the other while readers check every event, then the last proofs."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

import httpx

from lab.sse.client_reader import ClientReader
from lab.stage import Stage
from lab.stored_books import StoredBooks
from lab.waiting import wait_until
from tools.comparison import compare_books
from tools.year.happenings import Happenings
from tools.year.house import SYMBOLS, TAPE_MAX_BYTES, House, bearer
from tools.year.samples import TAPE, Course, Sampler

LIVE_TIMEOUT = 90.0
"""More than the 60 s until a refused symbol is requested again, and 10 s to wait for the answer."""
PAUSE_SECONDS = 2.0
FAILOVER_SECONDS = 60.0
"""The time after a failover of Redis in which a snapshot may have no count.

A master that was replaced accepts writes until the Sentinel demotes it, up to half a minute later
on a busy machine. Readers get these events, and Redis loses them.
"""
VERIFY_TIMEOUT = 900.0
# The files of a tape are checked a few seconds after they were written.
TAPE_SLACK_BYTES = 5_000_000


@dataclass(frozen=True)
class YearOptions:
    """The size of a run."""

    seconds: float
    seed: int
    samples: Path | None = None
    """The file for all samples, a line of JSON each."""


@dataclass
class YearOutcome:
    """The result of a run."""

    options: YearOptions
    seconds: float = 0.0
    happenings: dict[str, int] = field(default_factory=dict)
    events: int = 0
    """The events that the reader of all books read."""
    lagged: int = 0
    """How often a `lagged` told it that Redis had lost events."""
    replaced: int = 0
    """The events that snapshots replaced for it, counted or not."""
    uncounted: list[str] = field(default_factory=list)
    """The snapshots without a count that neither a new subscription nor a new leader explains.

    Redis has lost the end of the streams then, with the snapshot from which numbers are known.
    """
    courses: list[Course] = field(default_factory=list)
    verdict: str = ""
    """The files of the recording, and the exit code of `kraken-book verify`."""
    broken: list[str] = field(default_factory=list)


class YearRun:
    """The processes of a run.

    Args:
        stage: The stage of the processes.
        folder: A folder for what they write.
        options: The size of the run.
        report_progress: Called with a line at each stage of the run.

    Attributes:
        outcome: The result.

    """

    def __init__(
        self,
        stage: Stage,
        folder: Path,
        options: YearOptions,
        report_progress: Callable[[str], None],
    ) -> None:
        self.outcome = YearOutcome(options)
        self._stage = stage
        self._report_progress = report_progress
        self._house = House(stage, folder)
        self._happenings = Happenings(self._house, options.seed)
        self._sampler = Sampler(self._house, options.samples)
        self._unexplained = 0
        self._failed_over_at = float("-inf")

    def run(self) -> None:
        """Do the whole run; fail with AssertionError if the house is not whole again in time."""
        house, outcome = self._house, self.outcome
        with ExitStack() as reading:
            reader = ClientReader(house.balancer.url, "*", key=house.keys.kept)
            reading.enter_context(reader)
            for symbol in SYMBOLS:
                reader.wait_until_live(symbol)
            try:
                with self._sampler:
                    self._let_things_happen(reader)
            finally:
                outcome.courses = self._sampler.courses()
            house.simulator.lift_faults()
            self._wait_until_whole(reader)
            stored = StoredBooks(house.master().url)
            reading.callback(stored.close)
            compare_books(house.simulator, stored, SYMBOLS)
            tallies = [reader.of(symbol).account.tally for symbol in SYMBOLS]
            outcome.events = sum(tally.events for tally in tallies)
            outcome.lagged = sum(reader.ladder(symbol).counts.lagged for symbol in SYMBOLS)
            outcome.replaced = sum(tally.conflated + tally.uncounted for tally in tallies)
            reader.check()
        self._verify_recording()
        self._judge()

    def _let_things_happen(self, reader: ClientReader) -> None:
        begun = time.monotonic()
        ends, reported = begun + self.outcome.options.seconds, begun
        while time.monotonic() < ends:
            name = self._happenings.next()
            self._wait_until_moved(reader)
            time.sleep(PAUSE_SECONDS)
            if name.startswith("redis"):
                self._failed_over_at = time.monotonic()
            self._note_uncounted(reader, f"{time.monotonic() - begun:.0f} s, {name}")
            self.outcome.happenings = dict(self._happenings.counts)
            self.outcome.seconds = time.monotonic() - begun
            if time.monotonic() - reported > 60:
                reported = time.monotonic()
                count = sum(self.outcome.happenings.values())
                self._report_progress(f"{count} happenings; the last: {name}")

    def _note_uncounted(self, reader: ClientReader, when: str) -> None:
        """Note new gaps that no snapshot counted; they are broken without a failover of Redis."""
        tallies = {symbol: reader.of(symbol).account.tally for symbol in SYMBOLS}
        new = sum(tally.unexplained for tally in tallies.values()) - self._unexplained
        if new:
            self._unexplained += new
            line = f"{when}: {new} events"
            self.outcome.uncounted.append(line)
            if time.monotonic() - self._failed_over_at > FAILOVER_SECONDS:
                self.outcome.broken.append(f"a snapshot had no count without a failover: {line}")

    def _wait_until_moved(self, reader: ClientReader) -> None:
        """Wait until the busiest book is live at the reader with newer events."""
        symbol = SYMBOLS[0]
        before = reader.ladder(symbol).seq
        try:
            wait_until(
                lambda: reader.of(symbol).is_live and reader.ladder(symbol).seq != before,
                f"{symbol} is live again",
                LIVE_TIMEOUT,
            )
        except AssertionError as error:
            raise AssertionError(f"{error}\n{self._describe(reader, symbol)}") from None
        reader.check()

    def _describe(self, reader: ClientReader, symbol: str) -> str:
        """Return what all parts say of a book."""
        house, key = self._house, bearer(self._house.keys.kept)
        words = [word.text for word in reader.of(symbol).words[-6:]]
        said = [f"reader: seq {reader.ladder(symbol).seq}, {words}, error {reader.error}"]
        for name, service, path in (
            ("collector", house.collector, "/healthz"),
            ("other collector", house.other_collector, "/healthz"),
            ("api", house.api, f"/depth/{symbol}"),
            ("other api", house.other_api, f"/depth/{symbol}"),
        ):
            try:
                answer = service.get(path, headers=key).text
            except httpx.TransportError as error:
                answer = repr(error)
            said.append(f"{name}: {answer[:1500]}\n{service.log[-800:]}")
        return "\n".join(said)

    def _wait_until_whole(self, reader: ClientReader) -> None:
        for symbol in SYMBOLS:
            wait_until(lambda s=symbol: reader.of(s).is_live, f"{symbol} is live", LIVE_TIMEOUT)  # type: ignore[misc]

    def _verify_recording(self) -> None:
        house = self._house
        assert house.recorder.stop() == 0, house.recorder.log
        self._report_progress("verifying the recording")
        verify = self._stage.program("kraken_book", "verify", str(house.recording))
        code = verify.wait_for_end(VERIFY_TIMEOUT)
        files = sum(1 for _ in house.recording.rglob("*.parquet"))
        self.outcome.verdict = f"{files:,} files; verify ended with {code}"
        if code != 0:
            self.outcome.broken.append(f"verify ended with {code}: {verify.log[-2000:]}")

    def _judge(self) -> None:
        outcome, house = self.outcome, self._house
        outcome.broken += [
            f"{course.name} grew from {course.before:,.0f} to {course.after:,.0f}"
            for course in outcome.courses
            if course.has_grown and not course.name.startswith(TAPE)
        ]
        outcome.broken += [
            f"{course.name} reached {course.most:,.0f}"
            for course in outcome.courses
            if course.name.startswith(TAPE) and course.most > TAPE_MAX_BYTES + TAPE_SLACK_BYTES
        ]
        outcome.broken += [
            f"the {service.name} logged a traceback: {service.log[-2000:]}"
            for service in (
                *(house.collector, house.other_collector, house.api, house.other_api),
                house.recorder,
            )
            if "Traceback" in service.log
        ]
