"""Scripts that run in Node with the page's modules and fakes of the network."""

from __future__ import annotations

from typing import Any

from lab.node import run_in_node

# Events in the api's format, and fakes of the network.
TOOLS = """
const { FollowedBook } = await load("data/followed.js")
const { PolledBook } = await load("data/poll.js")
const { StreamHub } = await load("data/hub.js")
const { Book, checksum } = await load("kraken-book.js")
const { now } = await load("data/clock.js")

const BIDS = [["100.0", "1.50000000"]]
const ASKS = [["100.1", "2.00000000"]]

// The quantity of the best bid is the seq, so that the shown book identifies its event.
function bidsOf(seq) { return [["100.0", `${seq}.00000000`]] }
function checksumOf(seq) {
  const book = new Book(10)
  book.apply(bidsOf(seq), ASKS)
  return checksum(book)
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
  return { book, feed, shown: () => [book.verdict.status, book.reader.position?.seq ?? null] }
}
function statusOf(status, reason) {
  return { symbol: "BTC/USD", kind: "status", seq: null, epoch: null, status, reason }
}
function wait(milliseconds) { return new Promise((resolve) => setTimeout(resolve, milliseconds)) }

// Streams that do nothing by themselves, in place of `fetch`.
class FakeSource {
  static all = []
  static fetch(url, { signal }) { return new FakeSource(url, signal).answer }
  constructor(url, signal) {
    this.url = url
    this.isClosed = false
    this.answer = new Promise((resolve, reject) => Object.assign(this, { resolve, reject }))
    signal.addEventListener("abort", () => {
      this.isClosed = true
      this.reject(signal.reason)
      this.controller?.error(signal.reason)
    })
    FakeSource.all.push(this)
  }
  async open() {
    const body = new ReadableStream({ start: (controller) => { this.controller = controller } })
    this.resolve(new Response(body, { headers: { "Content-Type": "text/event-stream" } }))
    await wait(10)
  }
  write(text) { this.controller.enqueue(new TextEncoder().encode(text)) }
  lose() { this.controller.close() }
  async say(event) {
    this.write(`data: ${JSON.stringify(event)}\\n\\n`)
    await wait(10)
  }
  async refuse() {
    this.resolve(new Response("{}", { status: 404 }))
    await wait(10)
  }
}
function openSources() { return FakeSource.all.filter(({ isClosed }) => !isClosed) }
async function sourceAfter(count) {
  const deadline = now() + 5000
  while (FakeSource.all.length <= count && now() < deadline) await wait(10)
  return FakeSource.all[count]
}
function symbolsOf({ url }) {
  return new URL(url).searchParams.get("symbols").split(",")
}
"""


def run(script: str, given: object = None) -> Any:
    """Return the result of `script`, a function body that has the tools above."""
    return run_in_node(f"{TOOLS}\n{script}", given)
