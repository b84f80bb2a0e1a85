"""The api's Prometheus metrics; docs/metrics.md describes them."""

from __future__ import annotations

from prometheus_client import Counter, Gauge, Histogram

from runtime.fast_counter import Distribution, FastCounter
from runtime.metrics import (  # noqa: F401 - of every service
    BUILD_INFO,
    LOG_LINES_DROPPED,
    MEMORY_LIMIT,
    TASKS,
)

REQUESTS = Counter("kraken_book_requests_total", "Requests answered.", ["route", "status"])
READERS = Gauge("kraken_book_readers", "Open streams.")
STREAMS = Counter("kraken_book_streams_total", "Streams opened.")
RESUMED = Counter(
    "kraken_book_resumed_total", "Readers that resumed, by the source of their events.", ["from"]
)
VENUES = Gauge("kraken_book_venues", "Venues that are followed.")
REPORT_AGE = Gauge(
    "kraken_book_report_age_seconds",
    "Time since the report of a shard's leader changed.",
    ["venue", "shard"],
)
FOLLOWED = Gauge("kraken_book_followed_symbols", "Symbols that have readers.")
EVENTS_READ = FastCounter("kraken_book_events_read_total", "Events read from Redis.")
EVENTS_OUT = FastCounter("kraken_book_stream_events_total", "Events written to streams.")
BYTES_OUT = FastCounter("kraken_book_stream_bytes_total", "Bytes written to streams.")
WRITES = FastCounter("kraken_book_stream_writes_total", "Writes to streams.")
DELIVERY = Histogram(
    "kraken_book_delivery_seconds",
    "Time from the collector's read of a frame to the write of its event, for a sample of writes.",
    buckets=(0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30),
)
READ_LAG = Distribution(
    "kraken_book_read_lag_seconds",
    "Time from an event's write to Redis, by its id, to its reading by this replica.",
    buckets=(0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30),
)
SEND_SECONDS = Histogram(
    "kraken_book_send_seconds",
    "Time from a change in memory to the write of its event to a reader, for a sample of writes.",
    buckets=(
        0.0001,
        0.00025,
        0.0005,
        0.001,
        0.0025,
        0.005,
        0.01,
        0.025,
        0.05,
        0.1,
        0.25,
        0.5,
        1,
        5,
    ),
)
LAGGED = Counter("kraken_book_lagged_total", "Readers that were sent lagged.", ["reason"])
CUT_OFF = Counter(
    "kraken_book_cut_off_total", "Readers cut off because they read nothing for API_WRITE_TIMEOUT."
)
LIMITED = Counter(
    "kraken_book_limited_total", "Requests refused because their caller reached a limit.", ["limit"]
)
LIMITS_SHARED = Gauge(
    "kraken_book_limits_shared",
    "1 while replicas count requests and streams together in Redis, 0 while each counts alone.",
)
BUFFER_BYTES = Gauge(
    "kraken_book_buffer_bytes", "Events and books kept for open streams; API_BUFFER_MB bounds them."
)
REDIS_UP = Gauge("kraken_book_redis_up", "1 while every node of Redis answers the follower.")
CORRUPT_KEYS = Gauge(
    "kraken_book_known_corrupt_keys",
    "Keys in Redis that this replica found to be corrupt.",
)
UNMEASURED = Counter(
    "kraken_book_delivery_unmeasured_total",
    "Sampled writes without a known delay: received_at is invalid or in the future.",
)
KEYS = Gauge("kraken_book_api_keys", "Keys of the key file.")
KEY_FILE_UP = Gauge(
    "kraken_book_key_file_up",
    "0 while the key file is invalid or missing and old keys stay, else 1.",
)
KEY_FILE_UP.set(1)
TOKEN_KEYS_UP = Gauge(
    "kraken_book_token_keys_up",
    "0 while the file of API_JWT is invalid or missing, or its address does not answer, else 1.",
)
TOKEN_KEYS_UP.set(1)
DENIED = Counter(
    "kraken_book_denied_total", "Requests without a valid key, token or ticket.", ["code"]
)
NEWER_CONTRACT = Gauge(
    "kraken_book_newer_contract_venues",
    "Venues whose collector writes a newer contract than this replica knows.",
)
