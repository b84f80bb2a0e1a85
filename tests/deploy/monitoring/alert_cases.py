"""What each alert fires at, and what it does not: series in promtool's notation.

A step is 15 s, so `0+60x40` is a counter that grows by 4 per second for ten minutes.
"""

from __future__ import annotations

from typing import NamedTuple

COLLECTOR = 'job="collector",instance="c1"'
API = 'job="api",instance="a1"'
SITE = 'job="site",instance="https://books.example.com/"'
SHARD = 'venue="kraken",shard="0/1"'

Series = dict[str, str]


class AlertCase(NamedTuple):
    """One alert at its limit.

    Attributes:
        fires: Series at which the alert fires.
        at: The time at which it fires; a minute before, or at `early`, it does not fire yet.
        labels: The labels of the alert, besides its name and its urgency.
        summary: Its text.
        quiet: Series at which it does not fire, which are near the limit.
        early: A time at which the alert does not fire yet; None if it fires at once.
    """

    fires: Series
    at: str
    labels: dict[str, str]
    summary: str
    quiet: Series
    early: str | None = None


OF_COLLECTOR = {"job": "collector", "instance": "c1"}
OF_API = {"job": "api", "instance": "a1"}
OF_SITE = {"job": "site", "instance": "https://books.example.com/"}
OF_SHARD = {"venue": "kraken", "shard": "0/1"}


def _metric(name: str, labels: str) -> str:
    return f"kraken_book_{name}{{{labels}}}"


def _histogram(name: str, labels: str, limit: str, fast: int, slow: int) -> Series:
    """Return the buckets of a histogram in which `slow` of all observations exceed `limit`."""
    bucket = f"kraken_book_{name}_bucket"
    return {
        f'{bucket}{{{labels},le="{limit}"}}': f"0+{fast}x60",
        f'{bucket}{{{labels},le="10.0"}}': f"0+{fast + slow}x60",
        f'{bucket}{{{labels},le="+Inf"}}': f"0+{fast + slow}x60",
    }


_LEADING = _metric("leading", f"{COLLECTOR},{SHARD}")
_STANDBY = _metric("leading", f'job="collector",instance="c2",{SHARD}')
_REPORT_AGE = _metric("report_age_seconds", f"{API},{SHARD}")
_TWO_SHARDS = _metric("leading", 'job="collector",instance="c3",venue="kraken",shard="1/2"')

CASES: dict[str, AlertCase] = {
    "KrakenBookProcessDown": AlertCase(
        {f"up{{{COLLECTOR}}}": "1x4 0x20"},
        "3m",
        OF_COLLECTOR,
        "collector c1 does not answer Prometheus",
        {f"up{{{COLLECTOR}}}": "1x4 0 0 1x20", f"up{{{SITE}}}": "0x40"},
        "1m30s",
    ),
    "KrakenBookNoReplica": AlertCase(
        {f"up{{{API}}}": "1x4 _x20"},
        # A series is forgotten five minutes after its last sample.
        "7m",
        {},
        "No api replica answers",
        {f"up{{{API}}}": "0x40", 'up{job="api",instance="a2"}': "1x40"},
        "4m",
    ),
    "KrakenBookNoCollector": AlertCase(
        {f"up{{{COLLECTOR}}}": "1x4 stale"},
        "3m",
        {},
        "No collector answers",
        {f"up{{{COLLECTOR}}}": "0x40", 'up{job="collector",instance="c2"}': "1x40"},
        "1m",
    ),
    "KrakenBookOneReplica": AlertCase(
        # The other one has left DNS.
        {f"up{{{API}}}": "1x80", 'up{job="api",instance="a2"}': "1x4 stale"},
        "17m",
        {},
        "Only one api replica answers",
        {f"up{{{API}}}": "1x80", 'up{job="api",instance="a2"}': "1x80"},
        "16m",
    ),
    "KrakenBookMemoryHigh": AlertCase(
        {
            f"process_resident_memory_bytes{{{API}}}": "450000000x40",
            _metric("memory_limit_bytes", API): "500000000x40",
        },
        "6m",
        OF_API,
        "api a1 uses 90% of its memory limit",
        {
            f"process_resident_memory_bytes{{{API}}}": "450000000x40",
            _metric("memory_limit_bytes", API): "600000000x40",
            # Without a limit there is nothing to compare with.
            f"process_resident_memory_bytes{{{COLLECTOR}}}": "450000000x40",
            _metric("memory_limit_bytes", COLLECTOR): "0x40",
        },
        "4m",
    ),
    "KrakenBookOpenFilesUsedUp": AlertCase(
        {_metric("http_refused_total", f'{API},reason="files"'): "0 0 0 1x20"},
        "2m",
        OF_API | {"reason": "files"},
        "api a1 refuses connections, because its open files are used up",
        {
            _metric("http_refused_total", f'{API},reason="files"'): "7x20",
            _metric("http_refused_total", f'{API},reason="malformed"'): "0+5x20",
        },
    ),
    "KrakenBookLogLinesDropped": AlertCase(
        {_metric("log_lines_dropped_total", COLLECTOR): "0 0 4x20"},
        "2m",
        OF_COLLECTOR,
        "collector c1 has dropped lines of its log",
        {_metric("log_lines_dropped_total", COLLECTOR): "4x40"},
    ),
    "KrakenBookFeedSilent": AlertCase(
        {
            _metric("frames_total", f'{COLLECTOR},channel="book"'): "0+60x4 240x20",
            _metric("frames_total", f'{COLLECTOR},channel="heartbeat"'): "0+15x4 60x20",
        },
        "4m",
        OF_COLLECTOR,
        "c1 gets no frames from its venue",
        {
            _metric("frames_total", f'{COLLECTOR},channel="book"'): "240x40",
            _metric("frames_total", f'{COLLECTOR},channel="heartbeat"'): "0+15x40",
        },
        "1m45s",
    ),
    "KrakenBookBooksNotLive": AlertCase(
        {
            _metric("symbols", f'{COLLECTOR},status="syncing"'): "0 2x40",
            _metric("symbols", f'{COLLECTOR},status="refused"'): "1x40",
            _metric("symbols", f'{COLLECTOR},status="live"'): "9x40",
        },
        "4m",
        OF_COLLECTOR,
        "3 books of c1 are not live",
        {
            _metric("symbols", f'{COLLECTOR},status="syncing"'): "0 2 2 2 0x30",
            _metric("symbols", f'{COLLECTOR},status="live"'): "9x40",
        },
        "1m",
    ),
    "KrakenBookMismatchesRising": AlertCase(
        {_metric("mismatches_total", f'{COLLECTOR},reason="checksum"'): "0+1x40"},
        "10m",
        OF_COLLECTOR | {"reason": "checksum"},
        "c1 had 40 mismatches in 10 minutes: checksum",
        {_metric("mismatches_total", f'{COLLECTOR},reason="checksum"'): "0x10 1x10 9x20"},
    ),
    "KrakenBookFeedPaused": AlertCase(
        {_metric("feed_paused_seconds_total", COLLECTOR): "0+6x60"},
        "10m",
        OF_COLLECTOR,
        "c1 pauses its connections for 40% of the time",
        {_metric("feed_paused_seconds_total", COLLECTOR): "0+1x60"},
        "4m",
    ),
    "KrakenBookNoLeader": AlertCase(
        # The leader has gone, and its standby never takes over.
        {_LEADING: "1x8 stale", _STANDBY: "0x40", _TWO_SHARDS: "1x40"},
        "4m",
        OF_SHARD,
        "Nobody publishes shard 0/1 of kraken",
        # A takeover; and one replica that reads another Redis, or hangs.
        {
            _LEADING: "1x8 0x40",
            _STANDBY: "0x9 1x40",
            _REPORT_AGE: "0+15x40",
            _metric("report_age_seconds", f'job="api",instance="a2",{SHARD}'): "5x40",
        },
        "2m15s",
    ),
    "KrakenBookNoStandby": AlertCase(
        {_LEADING: "1x80", _STANDBY: "0x4 stale"},
        "17m",
        OF_SHARD,
        "Shard 0/1 of kraken has no standby",
        {_LEADING: "1x80", _STANDBY: "0x80"},
        "16m",
    ),
    "KrakenBookNewerContract": AlertCase(
        {_metric("newer_contract_venues", API): "0x4 2x20"},
        "3m",
        OF_API,
        "a1 is older than the collectors of 2 venues, and not ready",
        {_metric("newer_contract_venues", API): "0 1 0x20"},
        "1m30s",
    ),
    "KrakenBookTwoLeaders": AlertCase(
        {_LEADING: "1x40", _STANDBY: "0x4 1x40"},
        "3m",
        OF_SHARD,
        "2 collectors believe that they lead shard 0/1 of kraken",
        {_LEADING: "1x40", _STANDBY: "0 1 0x40", _TWO_SHARDS: "1x40"},
        "1m15s",
    ),
    "KrakenBookPublishLag": AlertCase(
        _histogram("publish_lag_seconds", COLLECTOR, "1.0", fast=95, slow=5),
        "10m",
        OF_COLLECTOR,
        "c1 writes 1 % of its books later than 8.2s",
        _histogram("publish_lag_seconds", COLLECTOR, "1.0", fast=999, slow=1),
        "4m",
    ),
    "KrakenBookDeliveryLag": AlertCase(
        _histogram("delivery_seconds", API, "2.5", fast=95, slow=5),
        "10m",
        OF_API,
        "1 % of the readers of a1 get events later than 8.5s after the venue's frame",
        _histogram("delivery_seconds", API, "1.0", fast=999, slow=1),
        "4m",
    ),
    "KrakenBookEventsWaiting": AlertCase(
        {_metric("waiting_events", COLLECTOR): "0+5000x40"},
        "5m",
        OF_COLLECTOR,
        "100k events of c1 wait for Redis",
        {_metric("waiting_events", COLLECTOR): "0 50000 50000 0x40"},
        "1m",
    ),
    "KrakenBookReadersLagging": AlertCase(
        {
            _metric("lagged_total", f'{API},reason="slow"'): "0+15x80",
            _metric("lagged_total", f'{API},reason="trimmed"'): "0+15x80",
        },
        "15m",
        OF_API,
        "Readers of a1 miss events 1 times per second",
        {
            _metric("lagged_total", f'{API},reason="slow"'): "0x20 9x60",
            _metric("lagged_total", f'{API},reason="unknown"'): "0+15x80",
        },
        "9m",
    ),
    "KrakenBookApiWithoutRedis": AlertCase(
        {_metric("redis_up", API): "1x4 0x20"},
        "3m",
        OF_API,
        "a1 cannot read the books in Redis",
        {_metric("redis_up", API): "1 0 1x20"},
        "1m15s",
    ),
    "KrakenBookRedisDown": AlertCase(
        {'redis_up{job="redis",instance="r"}': "1x4 0x20"},
        "3m",
        {"job": "redis", "instance": "r"},
        "Redis r does not answer its exporter",
        {'redis_up{job="redis",instance="r"}': "1 0 1x20"},
        "1m15s",
    ),
    "KrakenBookRedisMemoryHigh": AlertCase(
        {
            'redis_memory_used_bytes{job="redis",instance="r"}': "90x40",
            'redis_memory_max_bytes{job="redis",instance="r"}': "100x40",
        },
        "6m",
        {"job": "redis", "instance": "r"},
        "Redis r uses 90% of its maxmemory",
        {
            'redis_memory_used_bytes{job="redis",instance="r"}': "79x40",
            'redis_memory_max_bytes{job="redis",instance="r"}': "100x40",
            # Without a limit there is nothing to compare with.
            'redis_memory_used_bytes{job="redis",instance="q"}': "90x40",
            'redis_memory_max_bytes{job="redis",instance="q"}': "0x40",
        },
        "4m",
    ),
    "KrakenBookCorruptKeys": AlertCase(
        {_metric("lasting_corrupt_keys", f'{COLLECTOR},key="book"'): "1x10"},
        "1m",
        OF_COLLECTOR | {"key": "book"},
        "c1 found a key of book that no collector wrote",
        {_metric("lasting_corrupt_keys", f'{COLLECTOR},key="book"'): "1 1 0x10"},
    ),
    "KrakenBookKeysNotLoaded": AlertCase(
        {_metric("key_file_up", API): "0x40", _metric("token_keys_up", API): "1x40"},
        "6m",
        OF_API,
        "a1 cannot load its keys, and uses the old ones",
        {_metric("key_file_up", API): "1x40", _metric("token_keys_up", API): "1 0 0 1x40"},
        "4m",
    ),
    "KrakenBookCertificateNearEnd": AlertCase(
        # The time of the tests begins at 0.
        {f"probe_ssl_earliest_cert_expiry{{{SITE}}}": "1000000x480"},
        "90m",
        OF_SITE,
        "The certificate of https://books.example.com/ ends in 11d 12h 16m 40s",
        {f"probe_ssl_earliest_cert_expiry{{{SITE}}}": "1300000x480"},
        "50m",
    ),
    "KrakenBookSiteDown": AlertCase(
        {f"probe_success{{{SITE}}}": "1x4 0x20"},
        "4m",
        OF_SITE,
        "https://books.example.com/ does not answer with 200",
        {f"probe_success{{{SITE}}}": "1 0 0 1x20"},
        "1m30s",
    ),
    "KrakenBookSiteNotChecked": AlertCase(
        {f"up{{{SITE}}}": "1x4 0x40"},
        "7m",
        OF_SITE,
        "Nobody checks https://books.example.com/: the exporter does not answer",
        # A site that does not answer is checked all the same.
        {f"up{{{SITE}}}": "1x40", f"probe_success{{{SITE}}}": "0x40"},
        "5m",
    ),
    "KrakenBookTapeFailed": AlertCase(
        {_metric("tape_failed", COLLECTOR): "0 1x20"},
        "1m",
        OF_COLLECTOR,
        "c1 does not record its tape any more",
        {_metric("tape_failed", COLLECTOR): "0x20"},
    ),
    "KrakenBookTapeDropping": AlertCase(
        {_metric("tape_dropped_frames_total", COLLECTOR): "0 0 30x40"},
        "10m",
        OF_COLLECTOR,
        "30 frames of c1 are not on the tape",
        {_metric("tape_dropped_frames_total", COLLECTOR): "30x60"},
    ),
}

# Six hours of a fault whose target has left DNS after a minute.
LASTING: dict[str, Series] = {
    "KrakenBookNoReplica": {f"up{{{API}}}": "1x4 stale"},
    "KrakenBookNoCollector": {f"up{{{COLLECTOR}}}": "1x4 stale"},
    "KrakenBookOneReplica": {
        f"up{{{API}}}": "1x1440",
        'up{job="api",instance="a2"}': "1x4 stale",
    },
    # Of its own collectors nothing is left, only the report in Redis.
    "KrakenBookNoLeader": {_LEADING: "1x4 stale", _REPORT_AGE: "1x4 0+15x1440"},
    "KrakenBookNoStandby": {_LEADING: "1x1440", _STANDBY: "0x4 stale"},
}
# The report of a shard that has been removed for good.
REMOVED: Series = {_LEADING: "1x4 stale", _REPORT_AGE: "1x4 0+15x40 stale"}
