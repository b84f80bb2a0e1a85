"""The api's figures for Prometheus."""

from __future__ import annotations

from prometheus_client import Counter, Gauge, Histogram

from runtime.fast_counter import FastCounter
from runtime.metrics import LOG_LINES_DROPPED  # noqa: F401 - one of ours too

REQUESTS = Counter("kraken_book_requests_total", "Answers by route.", ["route", "status"])
READERS = Gauge("kraken_book_readers", "Open streams.")
STREAMS = Counter("kraken_book_streams_total", "Streams that were opened.")
RESUMED = Counter(
    "kraken_book_resumed_total", "Readers that came back, by where they went on from.", ["from"]
)
FOLLOWED = Gauge("kraken_book_followed_symbols", "Symbols that somebody reads.")
EVENTS_READ = Counter("kraken_book_events_read_total", "Events read from Redis.")
EVENTS_OUT = FastCounter("kraken_book_stream_events_total", "Events written to streams.")
BYTES_OUT = FastCounter("kraken_book_stream_bytes_total", "Bytes written to streams.")
WRITES = FastCounter("kraken_book_stream_writes_total", "Writes to streams.")
DELIVERY = Histogram(
    "kraken_book_delivery_seconds",
    "From the reading of an event's frame to its write to a reader, on some of the writes.",
    buckets=(0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30),
)
LAGGED = Counter("kraken_book_lagged_total", "Readers told that they missed events.", ["reason"])
CUT_OFF = Counter("kraken_book_cut_off_total", "Readers that did not read, cut off.")
BUFFER_BYTES = Gauge(
    "kraken_book_buffer_bytes", "Events and books kept for open streams, of API_BUFFER_MB at most."
)
REDIS_UP = Gauge("kraken_book_redis_up", "1 while Redis answers the reader of its streams.")
CORRUPT_KEYS = Gauge(
    "kraken_book_known_corrupt_keys",
    "Keys in Redis that hold what no collector writes, as far as known.",
)
UNMEASURED = Counter(
    "kraken_book_delivery_unmeasured_total",
    "Writes whose delay cannot be told: the collector's clock is ahead, or said no time.",
)
