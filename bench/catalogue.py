"""All suites, in the order in which they run.

The default suites together take about six minutes on two cores. For that, `replicas` and
`sizes` measure less than `replicas_all` and `sizes_all`.
"""

from __future__ import annotations

from functools import partial

from bench.suite import Suite
from bench.suites import (
    at_ease,
    charts,
    core,
    deep_book,
    depth,
    end_to_end,
    fan_out,
    hand_over,
    hostile,
    many_readers,
    many_views,
    open_streams,
    page,
    private_parts,
    record,
    redis_replica,
    replicas,
    sizes,
    slow_readers,
    stalls,
    start,
    tape,
    terminal,
    whole_exchange,
)
from bench.suites.ingest import comparison as ingest

DEFAULT_SUITES = (
    Suite("core", "a frame's bytes to a book and to an event", core.measure, 5),
    Suite("start", "each program, until --help is answered", start.measure, 20),
    Suite("ingest", "socket to Redis, one collector", ingest.measure, 135),
    Suite("fan_out", "Redis to 1,000 readers, one api", fan_out.measure, 50),
    Suite("at_ease", "Redis to 100 readers, at ease", at_ease.measure, 20),
    Suite("end_to_end", "a frame to 100 readers", end_to_end.measure, 27),
    Suite("depth", "answers of /depth", depth.measure, 18),
    Suite("open_streams", "the memory of open streams", open_streams.measure, 18),
    Suite("stalls", "stalls of event loops in a burst", stalls.measure, 20),
    Suite("replicas", "Redis's CPU for each api process", replicas.measure_busy, 25),
    Suite("record", "record, verify and export 200 books", record.measure, 40),
    Suite("sizes", "the memory of books, events and readers", sizes.measure_few, 20),
)

OPTIONAL_SUITES = (
    Suite("core_25", "core at depth 25", partial(core.measure, depth=25), 3, False),
    Suite("core_1000", "core at depth 1,000", partial(core.measure, depth=1000), 10, False),
    Suite("tape", "a flood with a tape and without", tape.measure, 60, False),
    Suite("deep_book", "changes of books of 45,000 levels", deep_book.measure, 15, False),
    Suite("stalls_1100", "stalls, 1,100 books", partial(stalls.measure, books=1100), 60, False),
    Suite("end_to_end_pinned", "the same, pinned to cores", end_to_end.measure_pinned, 27, False),
    Suite("replicas_all", "1, 10 and 50 api processes", replicas.measure, 240, False),
    Suite("sizes_all", "sizes, more shapes and events", sizes.measure, 60, False),
    Suite("whole_exchange", "1,100 books, ten bursts", whole_exchange.measure, 150, False),
    Suite("great_depth", "20 books of depth 1,000", whole_exchange.measure_deep, 40, False),
    Suite("redis_replica", "a replica of Redis that apis read", redis_replica.measure, 25, False),
    Suite("hand_over", "time until a second collector leads", hand_over.measure, 120, False),
    Suite("many_readers", "readers of many books, by view", many_readers.measure, 45, False),
    Suite("many_views", "100 different views", many_views.measure, 110, False),
    Suite("hostile", "good readers beside a hostile client", hostile.measure, 45, False),
    Suite("slow_readers", "slow readers", slow_readers.measure, 60, False),
    Suite("private_parts", "undocumented parts of libraries", private_parts.measure, 20, False),
    Suite("charts", "the page's charts in a trace of chromium", charts.measure, 30, False),
    Suite("page", "the page with 1,100 books", page.measure, 100, False),
    Suite("page_memory", "the page's heap, half an hour", page.measure_memory, 1860, False),
    Suite("terminal", "the terminal's CPU and lag", terminal.measure, 25, False),
    Suite(
        "terminal_80x24", "in a small window", partial(terminal.measure, size=(80, 24)), 25, False
    ),
)

SUITES = (*DEFAULT_SUITES, *OPTIONAL_SUITES)
