"""The collector's figures for Prometheus."""

from __future__ import annotations

from prometheus_client import Counter, Gauge, Histogram

from runtime.fast_counter import Distribution, FastCounter
from runtime.metrics import LOG_LINES_DROPPED  # noqa: F401 - one of ours too

FRAMES = FastCounter("kraken_book_frames_total", "Frames read from Kraken.", "channel")
BAD_FRAMES = Counter("kraken_book_bad_frames_total", "Frames that could not be understood.")
VERIFIED = FastCounter("kraken_book_verified_total", "Books verified by Kraken's checksum.", "kind")
# Counted at every frame: a look-up by label would cost more than the count.
BOOK_FRAMES = FRAMES.labels("book")
VERIFIED_SNAPSHOTS = VERIFIED.labels("snapshot")
VERIFIED_UPDATES = VERIFIED.labels("update")
MISMATCHES = Counter(
    "kraken_book_mismatches_total", "Frames after which a book was not Kraken's.", ["reason"]
)
RESYNCS = Counter("kraken_book_resyncs_total", "Symbols subscribed to anew.", ["reason"])
RECONNECTS = Counter("kraken_book_reconnects_total", "Connections that ended.", ["reason"])
CONNECTION_STATES = Counter(
    "kraken_book_connection_states_total", "States that connections entered.", ["state"]
)
CONNECTIONS = Gauge("kraken_book_connections", "Connections in a state now.", ["state"])
SUBSCRIPTION_STATES = Counter(
    "kraken_book_subscription_states_total", "States that subscriptions entered.", ["state"]
)
SYMBOLS = Gauge("kraken_book_symbols", "Symbols of a status now.", ["status"])
FEED_LAG = Histogram(
    "kraken_book_feed_lag_seconds",
    "How much longer than at best a frame took from Kraken's time to its reading.",
    buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30),
)
PUBLISHED = FastCounter("kraken_book_published_events_total", "Events acknowledged by Redis.")
CONFLATED = FastCounter("kraken_book_conflated_events_total", "Events a snapshot stands for.")
# Asked for at each scrape, so that it tells the truth while Redis hangs too.
WAITING = Gauge("kraken_book_waiting_events", "Events that wait for Redis.")
PUBLISH_LAG = Distribution(
    "kraken_book_publish_lag_seconds",
    "From the reading of a write's oldest frame to Redis's word that it is written.",
    buckets=(0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30),
)
REFUSALS = Counter("kraken_book_write_refusals_total", "Writes refused by the script.", ["word"])
CORRUPT_KEYS = Counter(
    "kraken_book_corrupt_keys_total",
    "Keys found to hold what they cannot hold.",
    ["key", "outcome"],
)
REDIS_ERRORS = Counter("kraken_book_redis_errors_total", "Calls that Redis did not carry out.")
LEADING = Gauge("kraken_book_leading", "1 while this collector publishes.")
EPOCH = Gauge("kraken_book_epoch", "The epoch this collector publishes under.")
FLUSH_SECONDS = Distribution(
    "kraken_book_flush_seconds",
    "Round trip of one flush that Redis answered.",
    buckets=(0.0005, 0.001, 0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5),
)


def counts_by_label(counter: Counter | FastCounter) -> dict[str, int]:
    """Return the counts of a counter with one label, by the label's value."""
    return {
        next(iter(sample.labels.values())): int(sample.value)
        for family in counter.collect()
        for sample in family.samples
    }
