"""The report of a run, as text."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from statistics import median, quantiles

from tools.soak.memory import MemorySampler
from tools.soak.run import Outcome


def report(outcome: Outcome, memory: MemorySampler) -> Iterator[str]:
    """Render the report of a run.

    Yields:
        The lines of the report.

    """
    options, audit = outcome.options, outcome.audit
    # A run that failed at once has no duration.
    seconds, count = max(1.0, outcome.seconds), sum(outcome.faults.values())
    yield f"{options.symbols} symbols, {seconds:.0f} s, {count:,} faults, seed {options.seed}"
    yield f"  faults       {_counts(outcome.faults)}"
    yield (
        f"  updates      {median(outcome.rates or [0.0]):,.0f} per second (median),"
        f" {outcome.updates / seconds:,.0f} (mean), including outages"
    )
    yield f"  resyncs      {_counts(outcome.health.get('resyncs', {}))}"
    yield f"  reconnects   {_counts(outcome.health.get('reconnects', {}))}"
    yield f"  live again   {outcome.live_after:.1f} s after the last fault"
    yield (
        f"  streams      {audit.events:,} events: {audit.updates:,} updates,"
        f" {audit.snapshots:,} snapshots, {audit.statuses:,} statuses"
    )
    yield (
        f"  seqs         {audit.numbers:,}: {audit.conflated:,} conflated into snapshots,"
        f" {audit.uncounted:,} uncounted after a resync"
    )
    yield (
        f"  verified     {outcome.verified:,} updates by the collector,"
        f" {audit.verified:,} books in the streams"
    )
    if len(audit.lags) > 1:
        lags = [lag * 1e3 for lag in audit.lags]
        yield (
            f"  to Redis     {median(lags):.1f} ms (median), {quantiles(lags, n=100)[98]:.1f} ms"
            f" (99 %), {max(lags):.0f} ms (maximum) after the frame"
        )
    yield f"  CPU          {_shares(outcome.cpu)} of a core"
    for name in memory.samples:
        fifths = ", ".join(_mb(size) for size in memory.fifths(name))
        yield f"  memory       {name}: {fifths} MB (median of each fifth of the time)"


def _counts(counts: Mapping[str, int]) -> str:
    ordered = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    return ", ".join(f"{name} {count:,}" for name, count in ordered) or "none"


def _shares(cpu: Mapping[str, float]) -> str:
    return ", ".join(f"{name} {share:.0%}" for name, share in cpu.items())


def _mb(size: float) -> str:
    return f"{size / 1e6:.1f}"
