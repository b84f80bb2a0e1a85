"""The api's figures for Prometheus."""

from __future__ import annotations

from prometheus_client import Counter, Gauge, disable_created_metrics

# A time for every counter, which nobody reads.
disable_created_metrics()  # type: ignore[no-untyped-call]

REQUESTS = Counter("kraken_book_requests_total", "Answers by route.", ["route", "status"])
READERS = Gauge("kraken_book_readers", "Open streams.")
FOLLOWED = Gauge("kraken_book_followed_symbols", "Symbols that somebody reads.")
EVENTS_READ = Counter("kraken_book_events_read_total", "Events read from Redis.")
BYTES_OUT = Counter("kraken_book_stream_bytes_total", "Bytes written to streams.")
WRITES = Counter("kraken_book_stream_writes_total", "Writes to streams.")
LAGGED = Counter("kraken_book_lagged_total", "Readers told that they missed events.", ["reason"])
CUT_OFF = Counter("kraken_book_cut_off_total", "Readers that did not read, cut off.")
REDIS_UP = Gauge("kraken_book_redis_up", "1 while Redis answers the reader of its streams.")
