"""The collector's metrics for Prometheus; docs/metrics.md has a row for each."""

from __future__ import annotations

from prometheus_client import Counter, Gauge, Histogram

from kraken_book import __speedups__
from runtime.fast_counter import Distribution, FastCounter
from runtime.metrics import (  # noqa: F401 - of every service
    BUILD_INFO,
    LOG_LINES_DROPPED,
    MEMORY_LIMIT,
    TASKS,
)

FRAMES = FastCounter("kraken_book_frames_total", "Frames read from Kraken.", "channel")
BAD_FRAMES = Counter("kraken_book_bad_frames_total", "Frames that could not be understood.")
VERIFIED = FastCounter("kraken_book_verified_total", "Books verified by Kraken's checksum.", "kind")
# These change at every frame. A look-up by label would cost more than the count.
BOOK_FRAMES = FRAMES.labels("book")
VERIFIED_SNAPSHOTS = VERIFIED.labels("snapshot")
VERIFIED_UPDATES = VERIFIED.labels("update")
MISMATCHES = Counter(
    "kraken_book_mismatches_total", "Frames after which a book was not Kraken's.", ["reason"]
)
# They exist from the beginning, because the increase of a new series is not visible to an alert.
for _reason in (
    "checksum", "crossed", "level", "frame", "precision", "early", "sequence", "window", "snapshot"
):  # fmt: skip
    MISMATCHES.labels(_reason)
UNSEEN_CHANGES = FastCounter(
    "kraken_book_unseen_changes_total", "Changes of levels that are not published."
)
RESYNCS = Counter("kraken_book_resyncs_total", "Books subscribed to again.", ["reason"])
RECONNECTS = Counter("kraken_book_reconnects_total", "Connections that ended.", ["reason"])
CONNECTION_STATES = Counter(
    "kraken_book_connection_states_total", "States that connections entered.", ["state"]
)
CONNECTIONS = Gauge("kraken_book_connections", "Connections by current state.", ["state"])
SUBSCRIPTION_STATES = Counter(
    "kraken_book_subscription_states_total", "States that subscriptions entered.", ["state"]
)
SYMBOLS = Gauge("kraken_book_symbols", "Symbols by current status.", ["status"])
FEED_LAG = Histogram(
    "kraken_book_feed_lag_seconds",
    "Time from a frame's timestamp to its reading, less the shortest such time.",
    buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30),
)
PAUSED_SECONDS = Counter(
    "kraken_book_feed_paused_seconds_total",
    "Time for which connections paused, because Redis wrote too slowly.",
)
PUBLISHED = FastCounter("kraken_book_published_events_total", "Events acknowledged by Redis.")
CONFLATED = FastCounter(
    "kraken_book_conflated_events_total", "Events that snapshots replaced in the queue."
)
# Computed at each scrape, so that it stays correct while Redis hangs.
WAITING = Gauge("kraken_book_waiting_events", "Events that Redis has not acknowledged.")
PUBLISH_LAG = Distribution(
    "kraken_book_publish_lag_seconds",
    "Time from the reading of a write's oldest frame to Redis's acknowledgement.",
    buckets=(0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30),
)
REFUSALS = Counter("kraken_book_write_refusals_total", "Writes refused by the script.", ["word"])
CORRUPT_KEYS = Counter(
    "kraken_book_corrupt_keys_total",
    "Keys found with content that no collector writes.",
    ["key", "outcome"],
)
LASTING_CORRUPT_KEYS = Gauge(
    "kraken_book_lasting_corrupt_keys",
    "Keys with content that no collector writes, until they are removed or usable again.",
    ["key"],
)
REDIS_ERRORS = Counter("kraken_book_redis_errors_total", "Calls to Redis that failed.")
LEADING = Gauge(
    "kraken_book_leading",
    "1 while this collector leads its shard of its venue and publishes, else 0.",
    ["venue", "shard"],
)
EPOCH = Gauge("kraken_book_epoch", "Epoch of this collector's lease; 0 while it does not lead.")
FLUSH_SECONDS = Distribution(
    "kraken_book_flush_seconds",
    "Round trip of a flush that Redis answered.",
    buckets=(0.0005, 0.001, 0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5),
)

TAPE_BYTES = Counter("kraken_book_tape_bytes_total", "Compressed bytes written to the tape.")
TAPE_DROPPED = Counter(
    "kraken_book_tape_dropped_frames_total", "Frames that the tape's queue had no room for."
)
TAPE_WAITING = Gauge("kraken_book_tape_waiting_bytes", "Bytes that wait for the tape's disk.")
TAPE_FAILED = Gauge("kraken_book_tape_failed", "1 after an error of the disk ended the tape.")

VENUE = Gauge("kraken_book_venue", "1, labelled with the venue of this collector.", ["venue"])

SPEEDUPS = Gauge("kraken_book_speedups", "1 if the hot path of a frame is compiled, else 0.")
SPEEDUPS.set(__speedups__)


def counts_by_label(counter: Counter | FastCounter) -> dict[str, int]:
    """Return the counts above 0 of a counter that has one label, by the label's value."""
    return {
        next(iter(sample.labels.values())): int(sample.value)
        for family in counter.collect()
        for sample in family.samples
        if sample.value
    }
