"""The page's history of a book: samples of the live book, and requests for the past."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from lab.node import run_module
from lab.scripted_api import PAGE

HISTORY = """
const { BookHistory } = module
const { PastError } = await import(new URL("./past.js", given.url))
const { LiveBook, Book, checksum } = await import(new URL("../kraken-book.js", given.url))
const ASKS = [["100.1", "2.0"]]
function bidsOf(seq) { return [["100.0", `${seq}.0`]] }
function eventOf(kind, seq) {
  const book = new Book(10)
  book.apply(bidsOf(seq), ASKS)
  return { symbol: "BTC/USD", kind, seq, epoch: 1, depth: 10, bids: bidsOf(seq), asks: ASKS,
           checksum: checksum(book), source: "kraken" }
}
class Scene {
  time = 1_800_000_000_000
  followed = { symbol: "BTC/USD", reader: new LiveBook(), verdict: { doubt: null } }
  requests = []
  answer = async () => ({ entries: [], skew: 0 })
  constructor() {
    this.history = new BookHistory(this.followed, {
      read: (...given) => { this.requests.push(given); return this.answer(...given) },
      clock: () => this.time,
    })
  }
  hear(seq, kind = "update") { this.followed.reader.apply(eventOf(kind, seq)) }
  async pass(seconds) {
    for (let passed = 0; passed < seconds; passed += 1) {
      this.time += 1000
      this.history.tick()
      // A moment for the request of the past, and for the parts of its answer.
      for (let breaks = 0; breaks < 5; breaks += 1) await new Promise((done) => setTimeout(done))
    }
  }
  // Seconds since the start, with the seq of the sample, of those that are not gaps.
  shown() {
    const samples = this.history.samples().filter((sample) => sample !== null)
    return samples.map(({ second, seq }) => [second - 1_800_000_000, seq])
  }
}
const scene = new Scene()
"""

PAST = """
const asked = []
// The timers of AbortSignal alone do not keep Node alive.
const alive = setInterval(() => {}, 1000)
const signal = new AbortController()
globalThis.fetch = async (url, options) => {
  const query = new URL(url).search
  asked.push(decodeURIComponent(url.split("/events/")[1]))
  const page = given.pages[Math.min(asked.length - 1, given.pages.length - 1)]
  if (page === null) throw new TypeError("no network")
  if (page === "late") {
    // Waits as long as a browser may, and fails as one that reads a body.
    await new Promise((resolve) => options.signal.addEventListener("abort", resolve))
    throw new DOMException("The user aborted a request.", "AbortError")
  }
  if (page === "close") signal.abort()
  options.signal.throwIfAborted()
  const headers = { Date: new Date(Date.now() + given.ahead).toUTCString() }
  const body = typeof page === "string" ? page : JSON.stringify(page)
  return new Response(body, { status: page.status ?? 200, headers })
}
try {
  const { entries, skew } = await module.readPast(
    "BTC/USD", given.from, { epoch: 1, seq: given.seq }, signal.signal, given.patience)
  return { asked, seqs: entries.map(({ event }) => event.seq), ms: entries[0]?.ms, skew }
} catch (error) {
  return { asked, error: error.name, message: error.message }
} finally {
  clearInterval(alive)
}
"""


def history(script: str) -> Any:
    url = "data/history.js"

    return run_module(url, HISTORY + script, {"url": (PAGE / url).as_uri()})


def past(
    pages: Sequence[object],
    seq: int = 10**9,
    from_ms: int = 0,
    patience: int = 10_000,
    ahead: int = 0,
) -> Any:
    return run_module(
        "data/past.js",
        PAST,
        {"pages": pages, "from": from_ms, "seq": seq, "patience": patience, "ahead": ahead},
    )


def page(
    first: str | None, last: str | None, *seqs: int, following: str | None = None
) -> dict[str, object]:
    """Return a page of the api with the events of `seqs`."""
    events = [
        {"id": f"{1000 * seq}-{seq}", "event": {"kind": "update", "epoch": 1, "seq": seq}}
        for seq in seqs
    ]
    return {"first_id": first, "last_id": last, "next": following, "events": events}


def test_history_has_a_sample_a_second_of_the_live_book_only() -> None:
    found = history("""
        scene.hear(1, "snapshot")
        await scene.pass(2)
        scene.hear(2)
        await scene.pass(1)
        scene.followed.verdict = { doubt: "interrupted" }
        await scene.pass(2)
        scene.followed.verdict = { doubt: null }
        await scene.pass(1)
        return scene.shown()
    """)
    # The sample of a second is the book at its end.
    assert found == [[0, 1], [1, 1], [2, 2], [5, 2]]


def test_history_keeps_ten_minutes() -> None:
    found = history("""
        scene.hear(1, "snapshot")
        await scene.pass(700)
        return [scene.history.samples().length, scene.shown().length, scene.shown()[0]]
    """)
    assert found == [600, 600, [100, 1]]


def test_history_fills_itself_at_opening_and_after_a_gap() -> None:
    found = history("""
        const entry = (seq) => {
          const kind = seq === 1 ? "snapshot" : "update"
          return { ms: 1_800_000_000_000 - 100_000 + 10_000 * seq, event: eventOf(kind, seq) }
        }
        scene.answer = async (symbol, from, { seq }) =>
          ({ entries: [1, 2, 3, 4].filter((each) => each <= seq).map(entry), skew: 0 })
        for (const seq of [1, 2, 3]) scene.hear(seq, seq === 1 ? "snapshot" : "update")
        await scene.pass(1)
        const atOpening = scene.shown()
        scene.followed.verdict = { doubt: "interrupted" }
        await scene.pass(20)
        const inGap = scene.shown().length
        scene.followed.verdict = { doubt: null }
        await scene.pass(1)
        const requests = scene.requests.map((given) => given.slice(0, 3))
        return { atOpening, inGap, after: scene.shown().length, requests }
    """)
    seqs = [seq for _, seq in found["atOpening"]]
    assert seqs == [1] * 10 + [2] * 10 + [3] * 71
    # The book has not changed in the gap, which a request is not needed for.
    assert (found["inGap"], found["after"]) == (91, 112)
    start = 1_800_000_000
    first, *others = found["requests"]
    assert first == ["BTC/USD", 1000 * (start - 600), {"epoch": 1, "seq": 3}]
    # Later requests begin shortly before the first missing second.
    assert others == [["BTC/USD", 1000 * (start + 1 - 10), {"epoch": 1, "seq": 3}]]


def test_late_timer_leaves_no_gap_if_the_book_has_not_changed() -> None:
    found = history("""
        scene.hear(1, "snapshot")
        await scene.pass(15)
        scene.time += 4000
        await scene.pass(1)
        const unchanged = [scene.shown().length, scene.requests.length]
        scene.time += 4000
        scene.hear(2)
        await scene.pass(1)
        return [unchanged, scene.shown().length, scene.requests.length]
    """)
    assert found == [[20, 1], 21, 2]


def test_failed_request_of_the_past_is_explained_and_repeated_some_times() -> None:
    found = history("""
        const times = []
        scene.answer = async () => {
          times.push((scene.time - 1_800_000_000_000) / 1000)
          throw new PastError("the server responded with 503")
        }
        scene.hear(1, "snapshot")
        await scene.pass(300)
        return [scene.history.failure, times, scene.shown().length]
    """)
    assert found == ["the server responded with 503", [1, 21, 61, 141], 300]


def test_closed_history_aborts_its_request() -> None:
    found = history("""
        scene.answer = (symbol, from, position, signal) => new Promise((_, reject) =>
          signal.addEventListener("abort", () => reject(signal.reason)))
        scene.hear(1, "snapshot")
        await scene.pass(1)
        const before = scene.history.isFilling
        scene.history.close()
        await new Promise(setImmediate)
        const { isFilling, failure } = scene.history
        return [before, scene.requests[0][3].aborted, isFilling, failure]
    """)
    assert found == [True, True, False, None]


def test_wrong_clock_of_the_browser_is_corrected() -> None:
    found = history("""
        scene.answer = async () => ({ entries: [], skew: 3_600_000 })
        scene.hear(1, "snapshot")
        await scene.pass(3)
        return scene.shown()
    """)
    assert found == [[3601, 1], [3602, 1]]


def test_past_is_read_page_by_page_up_to_the_present_book() -> None:
    pages = [
        page("1000-1", "9000-9"),
        page(None, None, 1, 2, 3, following="?after=3000-3&limit=1000"),
        page(None, None, 4, 5, 6, following="?after=6000-6&limit=1000"),
        page(None, None, 7, 8, 9),
    ]
    found = past(pages, seq=6, from_ms=500)
    assert found["asked"] == [
        "BTC/USD?limit=1",
        "BTC/USD?from=1000&limit=1000",
        "BTC/USD?after=3000-3&limit=1000",
    ]
    assert (found["seqs"], found["ms"]) == ([1, 2, 3, 4, 5, 6], 1000)
    assert found["skew"] == 0


def test_past_of_a_busy_book_begins_later() -> None:
    held = page("100000-1", "700000-60001")
    found = past([held, page(None, None, 60001)])
    # 20,000 of 60,000 events in 600 s, and a tenth fewer.
    assert found["asked"][1] == "BTC/USD?from=520000&limit=1000"


def test_pages_of_the_past_are_bounded() -> None:
    endless = page(None, None, 1, following="?after=1-1")
    assert len(past([page("1000-1", "9000-9"), endless])["asked"]) == 25


def test_past_says_why_it_cannot_be_read() -> None:
    held = page("1000-1", "9000-9")
    cases: dict[str, list[object]] = {
        "the server responded with 503": [{"status": 503}],
        "the response is not a page of events": [held, {"other": 1}],
        "the response cannot be read": [held, "<html>"],
        "the server cannot be reached": [held, None],
        "the server did not respond in time": [held, "late"],
    }
    for message, pages in cases.items():
        found = past(pages, patience=200 if "late" in pages else 10_000)
        assert (found["error"], found["message"]) == ("Error", message)
    assert past([held, "close"])["error"] == "AbortError"
    assert past([page(None, None)]) == {
        "asked": ["BTC/USD?limit=1"], "seqs": [], "skew": 0,
    }  # fmt: skip


def test_clocks_differ_only_if_no_delay_explains_it() -> None:
    def skew(ahead: int) -> int:
        return int(past([page(None, None)], ahead=ahead)["skew"])

    # The header may be a second late, and leaves out up to a second.
    assert (skew(0), skew(-900)) == (0, 0)
    assert 3_590_000 < skew(3_600_000) <= 3_600_000
    assert -3_600_000 <= skew(-3_600_000) < -3_590_000
