"""All that `make bench` measures, in the order in which it does."""

from __future__ import annotations

from functools import partial
from typing import NamedTuple

from bench import (
    at_ease,
    core,
    depth,
    end_to_end,
    fan_out,
    held_open,
    replicas,
    sizes,
    stalls,
)
from bench.benchmark import Measure
from bench.ingest import comparison as ingest
from bench.suites import start


class Benchmark(NamedTuple):
    """A benchmark by its name, which `python -m bench.NAME` runs alone."""

    name: str
    what: str
    measure: Measure
    seconds: float
    """What it takes, about; the progress bar goes by it."""


# Together they are to take less than five minutes on two cores, so some do less here than alone.
BENCHMARKS = (
    Benchmark("core", "a frame's bytes to a verified book", core.measure, 2),
    Benchmark("start", "each program, until --help is answered", start.measure, 20),
    Benchmark("ingest", "socket to Redis, one collector", ingest.measure, 68),
    Benchmark("fan_out", "Redis to 1,000 readers, one api", fan_out.measure, 58),
    Benchmark("at_ease", "Redis to 100 readers, at ease", at_ease.measure, 20),
    Benchmark("end_to_end", "a frame to 100 readers", end_to_end.measure, 27),
    Benchmark("depth", "answers of /depth", depth.measure, 18),
    Benchmark("held_open", "the memory of open streams", held_open.measure, 18),
    Benchmark("stalls", "how long loops stand still in a burst", stalls.measure, 20),
    Benchmark(
        "replicas",
        "what api processes cost their Redis",
        partial(replicas.measure, replicas=(), read=("all",), seconds=1.5, turns=3),
        25,
    ),
    Benchmark(
        "sizes",
        "the memory of books, events and readers",
        partial(sizes.measure, shapes=sizes.SHAPES[1:], moves=2, events=5000),
        20,
    ),
)
