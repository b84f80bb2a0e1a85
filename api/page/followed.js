// A book that this page follows: what its stream and /books say of it, and the verdict on both.

import { now } from "./clock.js";
import { BookReader, Standing } from "./reader.js";
import { judge } from "./trust.js";

// A stream that is not open after this time may be waiting for one of the browser's connections.
const BLOCKED_AFTER = 5000;
// A fresh stream has this time to come to where the one before it was.
const CATCH_UP = 3000;
// A book that was confirmed this recently goes on being shown while a fresh stream begins.
const RECENT = 5000;

export class FollowedBook {
  reader = new BookReader();
  polled;
  #feed;
  #onChange;
  #connection = "opening";
  #connectionSince = now();
  #stream = null;
  // The reader of a stream that has just begun. It takes the place of `reader` when it has come as
  // far, so that no book jumps back to where the fresh stream begins.
  #next = null;
  #confirmedAt = -Infinity;
  #heardAt = -Infinity;

  /** `polled` is the book as /books told it; `onChange` is called when something changed. */
  constructor(polled, feed, onChange) {
    this.polled = polled;
    this.#feed = feed;
    this.#onChange = onChange;
  }

  get symbol() {
    return this.polled.symbol;
  }

  get source() {
    return this.reader.source ?? this.polled.source;
  }

  get verdict() {
    this.#giveUpCatchingUp();
    const heardAt = Math.max(this.polled.answeredAt, this.#feed.heardAt ?? -Infinity);
    return judge(this.reader, {
      connection: this.#connectionNow,
      polled: this.polled,
      isPolledLater: this.polled.askedAt > this.#heardAt,
      silence: now() - heardAt,
    });
  }

  /** For how long, in ms, the book that is shown has not been known to be Kraken's; or null. */
  get age() {
    const confirmedAt = Math.max(this.#confirmedAt, this.#confirmedByPoll());
    if (this.reader.book === null) return this.polled.age;
    return confirmedAt === -Infinity ? null : now() - confirmedAt;
  }

  /** What the table shows of it: the same as the ladder. */
  get summary() {
    const { book } = this.reader;
    const { status, why } = this.verdict;
    if (book === null) return { ...this.polled.summary, status, why };
    const [bid, ask] = [book.bestBid?.[0] ?? null, book.bestAsk?.[0] ?? null];
    return { status, why, bid, ask, spread: book.spread, age: this.age };
  }

  /** No stream is read for now. */
  pause() {
    this.#stream = this.#next = null;
    this.#connect("opening");
  }

  takePolled(polled) {
    this.#confirmedAt = Math.max(this.#confirmedAt, this.#confirmedByPoll());
    this.#compare();
    this.polled = polled;
    this.#onChange();
  }

  /** A fresh stream begins. */
  onOpen(stream) {
    const isShownWell = this.#connection === "open" && this.reader.standing === Standing.VERIFIED;
    if (isShownWell && this.age !== null && this.age < RECENT) {
      this.#next = { stream, reader: new BookReader(this.reader.counts), since: now() };
      return;
    }
    this.#stream = stream;
    this.#next = null;
    this.reader.begin();
    this.#connect("open");
  }

  onResumed(stream) {
    if (stream === this.#next?.stream) this.#takeNext();
    if (stream !== this.#stream) return;
    this.reader.resume();
    this.#connect("resumed");
  }

  onInterrupted(stream) {
    if (stream === this.#next?.stream) this.#takeNext();
    if (stream === this.#stream) this.#connect("interrupted");
  }

  onEvent(stream, event) {
    if (stream === this.#next?.stream) {
      this.#next.reader.take(event);
      if (this.#hasCaughtUp()) this.#takeNext();
    } else if (stream === this.#stream) {
      this.#take(event);
    }
  }

  #take(event) {
    const isNews = this.reader.take(event);
    // The snapshot that opens a stream may be of any age; what follows it has just happened.
    if (isNews && (event.kind === "update" || event.kind === "status")) this.#hear(event);
    if (this.#connection === "resumed" && !this.#isBehindPoll()) this.#connect("open");
    if (this.reader.isBroken) this.#feed.again();
    this.#onChange();
  }

  #hear({ kind, status }) {
    this.#heardAt = now();
    if (kind === "update" || status === "live") this.#confirmedAt = this.#heardAt;
  }

  #hasCaughtUp() {
    const { standing, told, place } = this.#next.reader;
    if (told.status !== "live") return true;
    if (standing !== Standing.VERIFIED) return standing !== Standing.WAITING;
    return !isBefore(place, this.reader.place);
  }

  #giveUpCatchingUp() {
    if (this.#next !== null && now() - this.#next.since > CATCH_UP) this.#takeNext();
  }

  #takeNext() {
    const { stream, reader } = this.#next;
    this.#next = null;
    this.#stream = stream;
    // What was shown is still the last known book.
    reader.book ??= this.reader.book;
    reader.source ??= this.reader.source;
    this.reader = reader;
    if (reader.isBroken) this.#feed.again();
    this.#connect("open");
  }

  /** When /books knew the book that is shown, or an earlier one, to be Kraken's. */
  #confirmedByPoll() {
    const { polled, reader } = this;
    if (polled.age_ms === null || reader.place === null || this.#isBehindPoll()) return -Infinity;
    return polled.askedAt - polled.age_ms;
  }

  #isBehindPoll() {
    return (this.reader.place?.seq ?? 0) < (this.polled.seq ?? 0);
  }

  /** A connection that died without a word looks like a quiet book. But what /books told at the
   *  last poll, seconds ago, must have come by stream since. */
  #compare() {
    const isRead = this.#connection === "open" || this.#connection === "resumed";
    if (!isRead || this.#next !== null || this.reader.place === null || !this.#isBehindPoll()) return;
    this.#feed.again();
    this.#connect("behind");
  }

  get #connectionNow() {
    const isBlocked = this.#connection === "opening" && now() - this.#connectionSince > BLOCKED_AFTER;
    return isBlocked ? "blocked" : this.#connection;
  }

  #connect(connection) {
    this.#connection = connection;
    this.#connectionSince = now();
    this.#onChange();
  }
}

function isBefore(place, other) {
  return place.epoch < other.epoch || (place.epoch === other.epoch && place.seq < other.seq);
}
