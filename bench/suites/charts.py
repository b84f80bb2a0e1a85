"""The drawing times of the page's charts, from a performance trace of Chromium.

The charts of a book with 100 levels a side and 600 samples are drawn again and again in a page of a
real api, each time with another sample or another book, as they are once a second or four times.
The time of a drawing is the CPU time of its task on the page's main thread: its script, with what
uPlot defers to a microtask, and the style, layout and paint of its frame. Other work of the machine
does not count.
"""

from __future__ import annotations

import json
import statistics
import tempfile
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from bench.report.rows import Row
from bench.suite import Progress
from lab.chromium import find_chromium, open_chromium
from lab.stage import Stage

DEPTH, SAMPLES, DRAWINGS = 100, 600, 40
CATEGORIES = ["blink.user_timing", "disabled-by-default-devtools.timeline"]
MARK = "drawing of "

# Draws each chart of a random book, and marks each drawing in the trace.
DRAW = """
async ({ depth, samples, drawings, mark }) => {
  const { Book } = await import("/page/kraken-book.js")
  const { Levels, Sample } = await import("/page/data/samples.js")
  const { Heat } = await import("/page/charts/heat.js")
  const { IMBALANCE, SPREAD } = await import("/page/charts/lines.js")
  const { TimeChart } = await import("/page/charts/time_chart.js")
  const { Timeline } = await import("/page/charts/timeline.js")
  const { DepthChart } = await import("/page/charts/depth.js")
  const { CostPanel } = await import("/page/charts/cost.js")

  let seed = 1
  const random = () => (seed = (seed * 48271) % 2147483647) / 2147483647
  const book = new Book(depth)
  let middle = 630000
  const price = (ticks) => (ticks / 10).toFixed(1)
  function move() {
    middle += Math.round(4 * random() - 2)
    const levels = { bids: [], asks: [] }
    for (const [side, sign] of [["bids", -1], ["asks", 1]]) {
      for (let rank = 0; rank < 3 * depth; rank += 1) {
        if (random() > 0.2) continue
        levels[side].push([price(middle + sign * (1 + rank)), (9 * random() + 1e-8).toFixed(8)])
      }
      for (const [worst] of book[side].best(depth)) {
        if (sign * (Number(worst) * 10 - middle) <= 0) levels[side].push([worst, "0.00000000"])
      }
    }
    book.apply(levels.bids, levels.asks)
  }
  function sampleAt(second) {
    move()
    const [bids, asks] = [book.bids, book.asks].map((side) => new Levels(side.best(depth)))
    return new Sample({ second, epoch: 1, seq: second, bids, asks, isWhole: true })
  }
  for (let moves = 0; moves < 50; moves += 1) move()
  const history = {
    last: samples - 1, isFilling: false, failure: null,
    kept: Array.from({ length: samples }, (_, second) => sampleAt(second)),
    samples() { return this.kept },
    advance() { this.last += 1; this.kept = [...this.kept.slice(1), sampleAt(this.last)] },
  }
  const followed = { symbol: "BTC/USD", reader: { book }, verdict: { doubt: null } }
  const units = { base: "BTC", quote: "USD" }
  const timeline = new Timeline(history)
  // Chart by chart: its element, and a function that draws it.
  const painted = { view: null, soon(view) { this.view = view } }
  const overTime = [["heatmap", new Heat(units)], ["spread", SPREAD], ["imbalance", IMBALANCE]]
    .map(([name, figure]) => [name, new TimeChart(timeline, figure, "bench")])
  const present = [
    ["depth chart", new DepthChart(followed, units, painted)],
    ["cost to fill", new CostPanel(followed, units, painted)],
  ]
  const host = document.createElement("div")
  host.className = "charts"
  host.append(...[...overTime, ...present].map(([, chart]) => chart.element))
  document.querySelector("main").replaceChildren(host)
  const views = new Map()
  for (const [name, chart] of present) {
    chart.paint()
    await new Promise((resolve) => setTimeout(resolve, 20))
    views.set(name, painted.view)
  }
  const drawn = async (name, draw) => {
    performance.mark("begin")
    draw()
    // uPlot draws in a microtask.
    await Promise.resolve()
    await Promise.resolve()
    performance.measure(mark + name, "begin")
    await new Promise(requestAnimationFrame)
  }
  for (let drawing = 0; drawing < drawings; drawing += 1) {
    history.advance()
    await drawn("samples and figures", () => timeline.refresh())
    for (const [name, chart] of overTime) await drawn(name, () => chart.draw())
    for (const [name] of present) await drawn(name, () => views.get(name).paint())
  }
}
"""


def measure(scale: float, progress: Progress) -> Iterator[Row]:
    """Measure each chart, in a window of 1440 by 900 pixels."""
    if find_chromium() is None:
        yield Row(what="the charts", not_measured="chromium: apt-get install chromium")
        return
    progress.expect(2)
    progress("starting the api and chromium")
    with tempfile.TemporaryDirectory() as folder, Stage(Path(folder)) as stage:
        api = stage.api(stage.redis().url)
        progress("drawing")
        trace = trace_drawings(api.url, max(5, round(DRAWINGS * scale)))
    for name, times in drawing_times(trace).items():
        yield Row(
            what=name,
            ours=statistics.median(times),
            unit="ms of CPU",
            note=f"the longest of {len(times)}: {max(times):.1f} ms",
        )


def trace_drawings(url: str, drawings: int) -> list[dict[str, Any]]:
    """Draw the charts in a page of an api; return the events of the trace."""
    given = {"depth": DEPTH, "samples": SAMPLES, "drawings": drawings, "mark": MARK}
    with open_chromium() as browser:
        page = browser.new_page(viewport={"width": 1440, "height": 900})
        page.goto(url)
        # The first run compiles the scripts.
        page.evaluate(DRAW, {**given, "drawings": 5})
        browser.start_tracing(page=page, categories=CATEGORIES)
        page.evaluate(DRAW, given)
        events: list[dict[str, Any]] = json.loads(browser.stop_tracing())["traceEvents"]
    return events


def drawing_times(trace: list[dict[str, Any]]) -> dict[str, list[float]]:
    """Return the milliseconds of CPU of the tasks that have drawn a chart, by chart."""
    marks = [
        event for event in trace if event.get("name", "").startswith(MARK) and event["ph"] == "b"
    ]
    tasks = [event for event in trace if event.get("name") == "RunTask" and "tdur" in event]
    times: dict[str, list[float]] = defaultdict(list)
    for mark in marks:
        for task in tasks:
            is_its = task["tid"] == mark["tid"] and 0 <= mark["ts"] - task["ts"] < task["dur"]
            if is_its:
                times[mark["name"].removeprefix(MARK)].append(task["tdur"] / 1000)
    return times
