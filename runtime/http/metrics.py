"""Metrics of an HTTP server's connections."""

from __future__ import annotations

from prometheus_client import Counter, Gauge

HTTP_CONNECTIONS = Gauge("kraken_book_http_connections", "Open HTTP connections.")
HTTP_OPEN_FILES_LIMIT = Gauge(
    "kraken_book_http_open_files_limit",
    "Open files of this process from which on HTTP connections are refused.",
)
HTTP_REFUSED = Counter(
    "kraken_book_http_refused_total",
    "Connections that were refused or closed by the server, by reason.",
    ["reason"],
)
# It exists from the beginning, because the increase of a new series is not visible to an alert.
HTTP_REFUSED.labels("files")
