"""The page with 1,100 books at 5,000 updates/s: long tasks, frames, heap, and what `/books` costs.

Real processes: a Redis, the simulator, a collector, an api, and a chromium that shows the table and
four ladders. For half a minute the visitor scrolls, sorts and searches while a trace runs.
"""

from __future__ import annotations

import json
import tempfile
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from statistics import quantiles
from typing import Any, NamedTuple

from playwright.sync_api import Browser, CDPSession, Page

from bench.report.goals import PAGE_HEAP, PAGE_TASK
from bench.report.rows import Row
from bench.suite import Progress, share_of
from lab.chromium import find_chromium, open_chromium
from lab.services import Api
from lab.sse.stream import SseStream
from lab.stage import Stage
from lab.waiting import wait_until

SYMBOLS = 1100
# About five of six moves change the best ten levels, so this is 5,000 updates a second.
MOVES_A_SECOND = 6000
MOVES_FOR_MEMORY = 2400
SECONDS = 30.0
SHORT_USE_SECONDS = 60.0
LONG_USE_SECONDS = 29 * 60.0
WARM_UP_SECONDS = 10.0
# A second of scrolling, sorting or searching; then the next one.
STEP_SECONDS = 1.0
LONG_TASK_SECONDS = 0.05
PATIENCE_SECONDS = 240.0
TOP_SECONDS = 5.0
WHEEL_PIXELS = 240
SORTS = ("Best bid", "bps", "Updates/s", "Age", "Mid, 5 min", "Symbol")
SEARCHES = ("c0", "usd", "c000", "")
NO_BROWSER = "chromium: apt-get install chromium"
TRACED = ["-*", "devtools.timeline", "disabled-by-default-devtools.timeline"]
FRAMES = """() => {
    window.frames_ms = []
    let last = performance.now()
    const see = (at) => {
        window.frames_ms.push(at - last)
        last = at
        requestAnimationFrame(see)
    }
    requestAnimationFrame(see)
}"""
PARSE = """async () => {
    const response = await fetch("books", { cache: "no-store" })
    const text = await response.text()
    const took = Array.from({ length: 20 }, () => {
        const begun = performance.now()
        JSON.parse(text)
        return performance.now() - begun
    })
    const [{ encodedBodySize }] = performance.getEntriesByName(response.url).slice(-1)
    return [text.length, encodedBodySize, took.sort((a, b) => a - b)[10]]
}"""


class Task(NamedTuple):
    """A task of the page's main thread."""

    seconds: float
    """Its duration, with the time in which other programs had the core."""
    cpu: float


def measure(scale: float, progress: Progress) -> Iterator[Row]:
    """Measure half a minute."""
    if find_chromium() is None:
        yield Row(what="the page", not_measured=NO_BROWSER)
        return
    progress.expect(3)
    with open_table(scale, MOVES_A_SECOND, progress) as (api, browser, page):
        page.wait_for_timeout(WARM_UP_SECONDS * 1000 * min(1.0, scale))
        progress("scrolling, sorting and searching")
        yield from watch(api, browser, page, max(2.0, SECONDS * scale))


def measure_memory(scale: float, progress: Progress) -> Iterator[Row]:
    """Measure the page's heap after a minute and after half an hour of use."""
    if find_chromium() is None:
        yield Row(what="the page", not_measured=NO_BROWSER)
        return
    progress.expect(4)
    with open_table(scale, MOVES_FOR_MEMORY, progress) as (_, _, page):
        session = page.context.new_cdp_session(page)
        progress("the first minute")
        use(page, SHORT_USE_SECONDS * scale)
        before = heap_of(session)
        progress("half an hour")
        use(page, LONG_USE_SECONDS * scale)
        after = heap_of(session)
    yield Row(
        what="heap after half an hour",
        ours=after / 1e6,
        unit="MB",
        beside="after a minute",
        theirs=before / 1e6,
        ratio=after / before,
        goal=PAGE_HEAP,
    )


@contextmanager
def open_table(scale: float, moves: int, progress: Progress) -> Iterator[tuple[Api, Browser, Page]]:
    """Start the services, and show their books in a browser.

    Yields:
        The api, the browser and its page, which shows the table.

    """
    progress("starting services")
    count = share_of(SYMBOLS, scale)
    symbols = ",".join(f"C{number:04}/USD" for number in range(count))
    with tempfile.TemporaryDirectory() as folder, Stage(Path(folder)) as stage:
        redis = stage.redis()
        rate = str(max(100, int(moves * min(1.0, scale))))
        simulator = stage.simulator("--symbols", symbols, "--rate", rate, "--levels", "20")
        collector = stage.collector(redis.url, simulator.url, KRAKEN_SYMBOLS="*")
        api = stage.api(redis.url)
        collector.wait_until_live(count)
        with open_chromium() as browser:
            progress("warming up")
            page = browser.new_page(viewport={"width": 1440, "height": 900})
            # Other programs on the machine may delay a click.
            page.set_default_timeout(PATIENCE_SECONDS * 1000)
            page.goto(f"{api.url}/")
            wait_until(lambda: page.locator("#overview tbody tr").count() > 10, "rows are there")
            yield api, browser, page


def watch(api: Api, browser: Browser, page: Page, seconds: float) -> Iterator[Row]:
    """Use the table for `seconds`, and yield what it cost."""
    session = page.context.new_cdp_session(page)
    heap = heap_of(session)
    page.evaluate(FRAMES)
    first, begun = seqs_of(api), time.monotonic()
    cpu = api.cpu_seconds()
    browser.start_tracing(page=page, categories=TRACED)
    most_rows = use(page, seconds)
    trace = json.loads(browser.stop_tracing())
    took, last = time.monotonic() - begun, seqs_of(api)
    share = (api.cpu_seconds() - cpu) / took
    frames: list[float] = page.evaluate("window.frames_ms")
    tasks = tasks_of(trace["traceEvents"])
    after = heap_of(session)
    yield from rows_of(tasks, took)
    cuts = quantiles(frames, n=100)
    yield Row(what="between frames: p50", ours=cuts[49], unit="ms", beside="p99", theirs=cuts[98])
    yield Row(what="heap after", ours=after / 1e6, unit="MB", beside="before", theirs=heap / 1e6)
    yield Row(what="the largest number of rows in the page", ours=most_rows)
    size, sent, parse = page.evaluate(PARSE)
    yield Row(what="/books", ours=size / 1e3, unit="kB", beside="sent", theirs=sent / 1e3)
    yield Row(what="JSON.parse of /books", ours=parse, unit="ms")
    yield Row(what="the api's CPU", ours=share * 100, unit="% of a core", is_detail=True)
    rate = sum(last[symbol] - first[symbol] for symbol in last) / took
    yield Row(what="updates of all books", ours=rate, unit="/s", is_detail=True)
    yield from top_stream(api, sorted(last)[:most_rows])


def rows_of(tasks: Sequence[Task], took: float) -> Iterator[Row]:
    """Yield the figures of the tasks of `took` seconds."""
    longest = max(tasks, key=lambda task: task.cpu)
    yield Row(
        what="the page's longest task, CPU",
        ours=longest.cpu * 1e3,
        unit="ms",
        goal=PAGE_TASK,
        note=f"of {len(tasks):,}; other programs made it {longest.seconds * 1e3:.0f} ms long",
    )
    late = sum(task.seconds >= LONG_TASK_SECONDS for task in tasks)
    yield Row(what="tasks of 50 ms or more, with the time of other programs", ours=late)
    busy = sum(task.cpu for task in tasks) / took
    yield Row(what="the page's main thread", ours=busy * 100, unit="% of a core")


def top_stream(api: Api, symbols: Sequence[str]) -> Iterator[Row]:
    """Yield what a stream of the rows in view would cost beside `/books`."""
    begun, first, events, sent = time.monotonic(), None, 0, 0
    seen: set[str] = set()
    with SseStream(api.url, f"/stream?symbols={','.join(symbols)}&view=top") as stream:
        for _, event in stream.events():
            seen.add(event["symbol"])
            events += 1
            sent += len(json.dumps(event, separators=(",", ":")))
            if first is None and len(seen) == len(symbols):
                first = time.monotonic() - begun
            if time.monotonic() - begun > TOP_SECONDS:
                break
    assert first is not None, "not every book has come"
    yield Row(
        what=f"view=top of {len(symbols)} books",
        ours=events / TOP_SECONDS,
        unit="events/s",
        is_detail=True,
    )
    yield Row(what="its bytes", ours=sent / TOP_SECONDS / 1e3, unit="kB/s", is_detail=True)
    yield Row(
        what="its opening, until all books are there", ours=first * 1e3, unit="ms", is_detail=True
    )


def use(page: Page, seconds: float) -> int:
    """Scroll, sort and search for `seconds`; return the largest number of rows in the page."""
    box = page.locator("#overview .scroll").bounding_box()
    assert box is not None
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    search = page.get_by_label("Find a book")
    ends, step, most = time.monotonic() + seconds, 0, 0
    while time.monotonic() < ends:
        scroll(page, -1 if step % 2 else 1)
        title = SORTS[step % len(SORTS)]
        page.get_by_role("columnheader", name=title, exact=True).get_by_role("button").click()
        page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
        scroll(page, 1)
        search.fill(SEARCHES[step % len(SEARCHES)])
        most = max(most, page.locator("#overview tbody tr").count())
        step += 1
    search.fill("")
    return most


def scroll(page: Page, direction: int) -> None:
    """Turn the wheel for a second."""
    ends = time.monotonic() + STEP_SECONDS
    while time.monotonic() < ends:
        page.mouse.wheel(0, direction * WHEEL_PIXELS)


def heap_of(session: CDPSession) -> float:
    """Return the bytes of the page's live objects."""
    session.send("HeapProfiler.enable")
    session.send("HeapProfiler.collectGarbage")
    session.send("Performance.enable")
    metrics = session.send("Performance.getMetrics")["metrics"]
    return next(float(each["value"]) for each in metrics if each["name"] == "JSHeapUsedSize")


def tasks_of(events: Iterable[dict[str, Any]]) -> list[Task]:
    """Return the tasks of the page in a trace: those of the busiest main thread."""
    events = list(events)
    main = {
        (event["pid"], event["tid"])
        for event in events
        if event["name"] == "thread_name" and event["args"]["name"] == "CrRendererMain"
    }
    by_thread: dict[tuple[int, int], list[Task]] = {thread: [] for thread in main}
    for event in events:
        # A task that the end of the trace cuts has no duration.
        if event["name"] == "RunTask" and "dur" in event and (event["pid"], event["tid"]) in main:
            task = Task(event["dur"] / 1e6, event.get("tdur", event["dur"]) / 1e6)
            by_thread[event["pid"], event["tid"]].append(task)
    return max(by_thread.values(), key=lambda tasks: sum(task.cpu for task in tasks))


def seqs_of(api: Api) -> dict[str, int]:
    """Return the seq of each book in `/books`."""
    return {book["symbol"]: book["seq"] for book in api.get("/books").json()}
