"""The dashboard of the whole: is it well, and if not, where?"""

from __future__ import annotations

from tools.dashboards.panel import Dashboard, Panel, Row, number, per_second, quantile

_OF_VENUE = "on (instance) group_left (venue) kraken_book_venue"
# A standby has the same books as its leader.
_OF_LEADERS = "and on (instance) kraken_book_leading == 1"

STAGES = {
    "frame to Redis": "kraken_book_publish_lag_seconds",
    "Redis to api": "kraken_book_read_lag_seconds",
    "api to reader": "kraken_book_send_seconds",
    "frame to reader": "kraken_book_delivery_seconds",
}


def _by_venue(rate: str) -> str:
    return f"sum by (venue) ({rate} * {_OF_VENUE})"


OVERVIEW = Dashboard(
    "overview",
    "kraken-book: overview",
    [
        Row(
            "Now",
            [
                number(
                    "Alerts that fire",
                    "short",
                    'count(ALERTS{alertstate="firing"}) or vector(0)',
                    "Their texts are in Prometheus, at /alerts.",
                    limit=1,
                ),
                number(
                    "Live books",
                    "short",
                    f'sum(kraken_book_symbols{{status="live"}} {_OF_LEADERS})',
                    "Of the leading collectors.",
                ),
                number(
                    "Books that are not live",
                    "short",
                    f'sum(kraken_book_symbols{{status!="live"}} {_OF_LEADERS})',
                    "Of the leading collectors.",
                    limit=1,
                ),
                number("Readers", "short", "sum(kraken_book_readers)", "Open streams."),
                number(
                    "Frame to reader, 99 %",
                    "s",
                    quantile(0.99, "kraken_book_delivery_seconds"),
                    "The time from a frame's reading to the write of its event.",
                    limit=2,
                ),
                number(
                    "Redis memory",
                    "percentunit",
                    "max(redis_memory_used_bytes / (redis_memory_max_bytes > 0))",
                    "Of its maxmemory; without that there is no figure.",
                    limit=0.8,
                ),
            ],
        ),
        Row(
            "Feed",
            [
                Panel(
                    "Frames by venue",
                    "ops",
                    {"{{venue}}": _by_venue("rate(kraken_book_frames_total[1m])")},
                    "Leaders and standbys together.",
                ),
                Panel(
                    "Age of frames by venue, 99 %",
                    "s",
                    {
                        "{{venue}}": "histogram_quantile(0.99, sum by (venue, le) "
                        f"(rate(kraken_book_feed_lag_seconds_bucket[1m]) * {_OF_VENUE}))"
                    },
                    "The time to the venue's clock, less the shortest such time.",
                ),
                Panel(
                    "Mismatches",
                    "ops",
                    {"{{reason}}": per_second("kraken_book_mismatches_total", "reason")},
                    "Frames after which a book was not the venue's.",
                ),
            ],
        ),
        Row(
            "Books",
            [
                Panel(
                    "Books by status",
                    "short",
                    {"{{status}}": f"sum by (status) (kraken_book_symbols {_OF_LEADERS})"},
                    "Of the leading collectors.",
                ),
                Panel(
                    "Leaders by shard",
                    "short",
                    {
                        "{{venue}} {{shard}}": "sum by (venue, shard) (kraken_book_leading)",
                    },
                    "Each shard must have exactly one.",
                ),
                Panel(
                    "Resyncs and reconnects",
                    "ops",
                    {
                        "resync, {{reason}}": per_second("kraken_book_resyncs_total", "reason"),
                        "reconnect, {{reason}}": per_second(
                            "kraken_book_reconnects_total", "reason"
                        ),
                    },
                ),
            ],
        ),
        Row(
            "Lag",
            [
                Panel(
                    "Stages of an event, 50 %",
                    "s",
                    {stage: quantile(0.5, name) for stage, name in STAGES.items()},
                    has_exemplars=True,
                ),
                Panel(
                    "Stages of an event, 99 %",
                    "s",
                    {stage: quantile(0.99, name) for stage, name in STAGES.items()},
                    has_exemplars=True,
                ),
                Panel(
                    "Events that wait for Redis",
                    "short",
                    {"{{instance}}": "kraken_book_waiting_events"},
                    "Beyond 100,000, snapshots replace events.",
                ),
            ],
        ),
        Row(
            "Streams and readers",
            [
                Panel(
                    "Readers by replica",
                    "short",
                    {"{{instance}}": "sum by (instance) (kraken_book_readers)"},
                ),
                Panel(
                    "Events",
                    "ops",
                    {
                        "published": per_second("kraken_book_published_events_total"),
                        "read by replicas": per_second("kraken_book_events_read_total"),
                        "written to readers": per_second("kraken_book_stream_events_total"),
                    },
                    "Two readers of one event count two.",
                ),
                Panel(
                    "Missed events and returns",
                    "ops",
                    {
                        "lagged, {{reason}}": per_second("kraken_book_lagged_total", "reason"),
                        "resumed from {{from}}": per_second("kraken_book_resumed_total", "from"),
                    },
                    "A reader that missed events gets `lagged` and a snapshot.",
                ),
            ],
        ),
        Row(
            "Access",
            [
                Panel(
                    "Answers by status",
                    "ops",
                    {"{{status}}": per_second("kraken_book_requests_total", "status")},
                    "A stream counts when it ends.",
                ),
                Panel(
                    "Refused for their key or a limit",
                    "ops",
                    {
                        "{{code}}": per_second("kraken_book_denied_total", "code"),
                        "limit, {{limit}}": per_second("kraken_book_limited_total", "limit"),
                    },
                ),
                Panel(
                    "HTTP connections",
                    "short",
                    {"{{job}} {{instance}}": "kraken_book_http_connections"},
                ),
            ],
        ),
        Row(
            "Redis",
            [
                Panel(
                    "Memory",
                    "bytes",
                    {
                        "used": "sum(redis_memory_used_bytes)",
                        "maxmemory": "sum(redis_memory_max_bytes > 0)",
                    },
                    "A full Redis refuses all writes.",
                ),
                Panel(
                    "Commands",
                    "ops",
                    {
                        "commands": per_second("redis_commands_processed_total"),
                    },
                ),
                Panel(
                    "Clients and evictions",
                    "short",
                    {
                        "clients": "sum(redis_connected_clients)",
                        "evicted keys": "sum(redis_evicted_keys_total)",
                    },
                    "Nothing may be evicted: maxmemory-policy is noeviction.",
                ),
            ],
        ),
        Row(
            "Processes",
            [
                Panel(
                    "CPU",
                    "percentunit",
                    {
                        "{{job}} {{instance}}": "rate(process_cpu_seconds_total"
                        '{job=~"collector|api"}[1m])',
                        "redis": "sum(rate(redis_cpu_user_seconds_total[1m]))"
                        " + sum(rate(redis_cpu_sys_seconds_total[1m]))",
                    },
                    "Of one core; no process uses more than one.",
                ),
                Panel(
                    "Memory",
                    "bytes",
                    {"{{job}} {{instance}}": 'process_resident_memory_bytes{job=~"collector|api"}'},
                ),
                Panel(
                    "Open files",
                    "short",
                    {"{{job}} {{instance}}": 'process_open_fds{job=~"collector|api"}'},
                    "Compare with kraken_book_http_open_files_limit.",
                ),
            ],
        ),
    ],
)
