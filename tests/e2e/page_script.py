"""Scripts that run in a page with the page's modules and fakes of the network."""

from __future__ import annotations

from typing import Any

from playwright.sync_api import Page

# Events in the api's format, and fakes of the network.
TOOLS = """
const { FollowedBook } = await import("/page/followed.js")
const { PolledBook } = await import("/page/poll.js")
const { StreamHub } = await import("/page/hub.js")
const { Book } = await import("/page/book.js")
const { bookChecksum } = await import("/page/checksum.js")
const { now } = await import("/page/clock.js")

const BIDS = [["100.0", "1.50000000"]]
const ASKS = [["100.1", "2.00000000"]]

// The quantity of the best bid is the seq, so that the shown book identifies its event.
function bidsOf(seq) { return [["100.0", `${seq}.00000000`]] }
function checksumOf(seq) {
  const book = new Book(10)
  book.apply(bidsOf(seq), ASKS)
  return bookChecksum(book)
}
function snapshot(seq, changes = {}) {
  return { symbol: "BTC/USD", kind: "snapshot", seq, epoch: 1, depth: 10, bids: bidsOf(seq),
           asks: ASKS, checksum: checksumOf(seq), source: "kraken", conflated: null, ...changes }
}
function update(seq, changes = {}) {
  return { symbol: "BTC/USD", kind: "update", seq, epoch: 1, bids: bidsOf(seq), asks: [],
           checksum: checksumOf(seq), ...changes }
}
function polled(changes = {}, askedAt = now()) {
  const book = { symbol: "BTC/USD", status: "live", reason: null, source: "kraken", age_ms: 100,
                 seq: 0, best_bid: null, best_ask: null, spread: null, ...changes }
  return new PolledBook(book, askedAt)
}
function followed(changes) {
  const feed = { heardAt: null, asked: 0, again() { this.asked += 1 } }
  const book = new FollowedBook(polled(changes), feed, () => {})
  return { book, feed, shown: () => [book.verdict.status, book.reader.place?.seq ?? null] }
}
function statusOf(status, reason) {
  return { symbol: "BTC/USD", kind: "status", seq: null, epoch: null, status, reason }
}
function wait(milliseconds) { return new Promise((resolve) => setTimeout(resolve, milliseconds)) }

// EventSources that do nothing by themselves.
class FakeSource {
  static all = []
  static CLOSED = 2
  readyState = 0
  constructor(url) { this.url = url; FakeSource.all.push(this) }
  close() { this.readyState = 2 }
  open() { this.readyState = 1; this.onopen() }
  say(event) { this.onmessage({ data: JSON.stringify(event) }) }
  refuse() { this.readyState = 2; this.onerror() }
}
function openSources() { return FakeSource.all.filter(({ readyState }) => readyState !== 2) }
async function sourceAfter(count) {
  const deadline = now() + 5000
  while (FakeSource.all.length <= count && now() < deadline) await wait(10)
  return FakeSource.all[count]
}
function symbolsOf({ url }) {
  return new URL(url).searchParams.get("symbols").split(",")
}
"""


def run(page: Page, script: str, argument: object = None) -> Any:
    """Return the result of `script`, a function body that has the tools above."""
    return page.evaluate(f"async (given) => {{ {TOOLS} {script} }}", argument)
