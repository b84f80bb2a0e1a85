"""The dashboards of the services, in which an instance can be chosen."""

from __future__ import annotations

from tools.dashboards.panel import Dashboard, Panel, Row, number, per_second, quantile

_CHOSEN = '{instance=~"$instance"}'


def _rate(counter: str, by: str = "instance", *more: str) -> str:
    where = "{" + ",".join(['instance=~"$instance"', *more]) + "}"
    return per_second(counter, by, where)


def _lags(histogram: str) -> dict[str, str]:
    return {f"{share:.0%}": quantile(share, histogram, where=_CHOSEN) for share in (0.5, 0.9, 0.99)}


def _value(gauge: str, job: str = "") -> dict[str, str]:
    """Return the query of a gauge; of one that several services export, `job` names the service."""
    of_job = f',job="{job}"' if job else ""
    return {"{{instance}}": f'{gauge}{{instance=~"$instance"{of_job}}}'}


COLLECTOR = Dashboard(
    "collector",
    "kraken-book: collector",
    [
        Row(
            "Now",
            [
                number(
                    "Leads", "short", f"sum(kraken_book_leading{_CHOSEN})", "1 if it publishes."
                ),
                number(
                    "Live books",
                    "short",
                    'sum(kraken_book_symbols{instance=~"$instance",status="live"})',
                ),
                number("Waiting events", "short", f"sum(kraken_book_waiting_events{_CHOSEN})"),
                number("Compiled hot path", "short", f"min(kraken_book_speedups{_CHOSEN})"),
                number("Tape failed", "short", f"max(kraken_book_tape_failed{_CHOSEN})", limit=1),
                number(
                    "Corrupt keys left",
                    "short",
                    f"sum(kraken_book_lasting_corrupt_keys{_CHOSEN}) or vector(0)",
                    limit=1,
                ),
            ],
        ),
        Row(
            "Feed",
            [
                Panel(
                    "Frames by channel",
                    "ops",
                    {"{{channel}}": _rate("kraken_book_frames_total", "channel")},
                ),
                Panel("Age of frames", "s", _lags("kraken_book_feed_lag_seconds")),
                Panel(
                    "Connections by state",
                    "short",
                    {"{{state}}": f"sum by (state) (kraken_book_connections{_CHOSEN})"},
                ),
                Panel(
                    "Connections that ended",
                    "ops",
                    {"{{reason}}": _rate("kraken_book_reconnects_total", "reason")},
                ),
                Panel(
                    "Bad frames and pauses",
                    "ops",
                    {
                        "bad frames": _rate("kraken_book_bad_frames_total", ""),
                        "paused seconds": _rate("kraken_book_feed_paused_seconds_total", ""),
                    },
                    "Connections pause while Redis writes too slowly.",
                ),
                Panel(
                    "States of connections and subscriptions",
                    "ops",
                    {
                        "connection {{state}}": _rate(
                            "kraken_book_connection_states_total", "state"
                        ),
                        "subscription {{state}}": _rate(
                            "kraken_book_subscription_states_total", "state"
                        ),
                    },
                ),
            ],
        ),
        Row(
            "Books",
            [
                Panel(
                    "Books by status",
                    "short",
                    {"{{status}}": f"sum by (status) (kraken_book_symbols{_CHOSEN})"},
                ),
                Panel(
                    "Verified books",
                    "ops",
                    {
                        "{{kind}}": _rate("kraken_book_verified_total", "kind"),
                        "unseen changes": _rate("kraken_book_unseen_changes_total", ""),
                    },
                ),
                Panel(
                    "Mismatches and resyncs",
                    "ops",
                    {
                        "mismatch, {{reason}}": _rate("kraken_book_mismatches_total", "reason"),
                        "resync, {{reason}}": _rate("kraken_book_resyncs_total", "reason"),
                    },
                ),
            ],
        ),
        Row(
            "Publish",
            [
                Panel(
                    "Events",
                    "ops",
                    {
                        "published": _rate("kraken_book_published_events_total", ""),
                        "replaced by snapshots": _rate("kraken_book_conflated_events_total", ""),
                    },
                ),
                Panel(
                    "Frame to Redis",
                    "s",
                    _lags("kraken_book_publish_lag_seconds"),
                    "Of the oldest frame of each write.",
                    has_exemplars=True,
                ),
                Panel("Round trip of a flush", "s", _lags("kraken_book_flush_seconds")),
                Panel(
                    "Refused writes and errors",
                    "ops",
                    {
                        "{{word}}": _rate("kraken_book_write_refusals_total", "word"),
                        "errors": _rate("kraken_book_redis_errors_total", ""),
                    },
                ),
                Panel("Leads", "short", _value("kraken_book_leading")),
                Panel("Waiting events", "short", _value("kraken_book_waiting_events")),
            ],
        ),
        Row(
            "Tape, log and process",
            [
                Panel(
                    "Tape",
                    "Bps",
                    {"written": _rate("kraken_book_tape_bytes_total", "")},
                ),
                Panel(
                    "Losses",
                    "ops",
                    {
                        "frames not on the tape": _rate(
                            "kraken_book_tape_dropped_frames_total", ""
                        ),
                        "lines of the log": _rate(
                            "kraken_book_log_lines_dropped_total", "", 'job="collector"'
                        ),
                    },
                ),
                Panel(
                    "CPU",
                    "percentunit",
                    {
                        "{{instance}}": _rate(
                            "process_cpu_seconds_total", "instance", 'job="collector"'
                        )
                    },
                    "Of one core.",
                ),
                Panel("Memory", "bytes", _value("process_resident_memory_bytes", "collector")),
                Panel(
                    "Bytes that wait for the tape",
                    "bytes",
                    _value("kraken_book_tape_waiting_bytes"),
                ),
                Panel("Open files", "short", _value("process_open_fds", "collector")),
            ],
        ),
    ],
    instances="kraken_book_leading",
)

API = Dashboard(
    "api",
    "kraken-book: api",
    [
        Row(
            "Now",
            [
                number("Readers", "short", f"sum(kraken_book_readers{_CHOSEN})"),
                number("Followed books", "short", f"max(kraken_book_followed_symbols{_CHOSEN})"),
                number("Venues", "short", f"max(kraken_book_venues{_CHOSEN})"),
                number("Redis answers", "short", f"min(kraken_book_redis_up{_CHOSEN})"),
                number("Keys", "short", f"max(kraken_book_api_keys{_CHOSEN})"),
                number(
                    "Corrupt keys",
                    "short",
                    f"max(kraken_book_known_corrupt_keys{_CHOSEN})",
                    limit=1,
                ),
            ],
        ),
        Row(
            "Readers",
            [
                Panel("Open streams", "short", _value("kraken_book_readers")),
                Panel(
                    "Streams that open",
                    "ops",
                    {
                        "opened": _rate("kraken_book_streams_total", ""),
                        "resumed from {{from}}": _rate("kraken_book_resumed_total", "from"),
                    },
                ),
                Panel(
                    "Readers that are too slow",
                    "ops",
                    {
                        "lagged, {{reason}}": _rate("kraken_book_lagged_total", "reason"),
                        "cut off": _rate("kraken_book_cut_off_total", ""),
                    },
                ),
            ],
        ),
        Row(
            "Events",
            [
                Panel(
                    "Events",
                    "ops",
                    {
                        "read": _rate("kraken_book_events_read_total", ""),
                        "written": _rate("kraken_book_stream_events_total", ""),
                        "writes": _rate("kraken_book_stream_writes_total", ""),
                    },
                    "Events that wait together are one write.",
                ),
                Panel(
                    "Bytes written to readers",
                    "Bps",
                    {"{{instance}}": _rate("kraken_book_stream_bytes_total")},
                ),
                Panel("Memory for open streams", "bytes", _value("kraken_book_buffer_bytes")),
                Panel(
                    "Redis to api",
                    "s",
                    _lags("kraken_book_read_lag_seconds"),
                    "Of the oldest event of each read; whole milliseconds.",
                    has_exemplars=True,
                ),
                Panel(
                    "Api to reader",
                    "s",
                    _lags("kraken_book_send_seconds"),
                    "Of a sample of 100 writes per second.",
                    has_exemplars=True,
                ),
                Panel(
                    "Frame to reader",
                    "s",
                    _lags("kraken_book_delivery_seconds"),
                    "As exact as the clocks of the two machines.",
                    has_exemplars=True,
                ),
            ],
        ),
        Row(
            "Requests",
            [
                Panel(
                    "Answers by route",
                    "ops",
                    {"{{route}}": _rate("kraken_book_requests_total", "route")},
                    "A stream counts when it ends.",
                ),
                Panel(
                    "Answers by status",
                    "ops",
                    {"{{status}}": _rate("kraken_book_requests_total", "status")},
                ),
                Panel(
                    "Refused for their key or a limit",
                    "ops",
                    {
                        "{{code}}": _rate("kraken_book_denied_total", "code"),
                        "limit, {{limit}}": _rate("kraken_book_limited_total", "limit"),
                    },
                ),
                Panel(
                    "Keys and limits",
                    "short",
                    {
                        "key file loaded": f"min(kraken_book_key_file_up{_CHOSEN})",
                        "keys of tokens loaded": f"min(kraken_book_token_keys_up{_CHOSEN})",
                        "limits shared": f"min(kraken_book_limits_shared{_CHOSEN})",
                    },
                    "1 or 0. Without limits, they are not shared.",
                ),
                Panel("HTTP connections", "short", _value("kraken_book_http_connections", "api")),
                Panel(
                    "Connections that the server ended",
                    "ops",
                    {"{{reason}}": _rate("kraken_book_http_refused_total", "reason", 'job="api"')},
                ),
            ],
        ),
        Row(
            "Process",
            [
                Panel(
                    "CPU",
                    "percentunit",
                    {"{{instance}}": _rate("process_cpu_seconds_total", "instance", 'job="api"')},
                    "Of one core. At 1, readers fall behind: add replicas.",
                ),
                Panel("Memory", "bytes", _value("process_resident_memory_bytes", "api")),
                Panel(
                    "Open files",
                    "short",
                    {
                        "{{instance}}": 'process_open_fds{instance=~"$instance",job="api"}',
                        "limit": "min(kraken_book_http_open_files_limit"
                        '{instance=~"$instance",job="api"})',
                    },
                ),
            ],
        ),
    ],
    instances="kraken_book_readers",
)
