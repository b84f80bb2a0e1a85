// A book that this page follows: its events, its entry in /books, and the verdict on both.

import { LiveBook, State } from "../kraken-book.js";
import { now } from "./clock.js";
import { judge } from "./trust.js";

// A stream that does not open in this time may wait for one of the browser's connections.
const BLOCKED_AFTER = 5000;
// The time for a new stream to reach the position of the previous one.
const CATCH_UP = 3000;
// A book that was confirmed in this time stays visible while a new stream begins.
const RECENT = 5000;

export class FollowedBook {
  reader = new LiveBook();
  polled;
  /** How often a stream of this book has begun with a snapshot, has resumed, and was interrupted. */
  streams = { opened: 0, resumed: 0, interrupted: 0 };
  #feed;
  #onChange;
  #connection = "opening";
  #connectionSince = now();
  #stream = null;
  // The reader of a new stream. It replaces `reader` when it has reached the same position, so that
  // the book does not jump back.
  #next = null;
  #confirmedAt = -Infinity;
  #heardAt = -Infinity;
  #listeners = new Set();

  /** `polled` is the book's entry in /books; `onChange` is called after each change. */
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
      connection: this.connection,
      polled: this.polled,
      isPolledLater: this.polled.askedAt > this.#heardAt,
      silence: now() - heardAt,
    });
  }

  /** The time in ms since the visible book was last known to be its venue's; null if unknown. */
  get age() {
    const confirmedAt = Math.max(this.#confirmedAt, this.#confirmedByPoll());
    if (this.reader.book === null) return this.polled.age;
    return confirmedAt === -Infinity ? null : now() - confirmedAt;
  }

  /** The values for the table, the same as in the ladder. */
  get summary() {
    const { book } = this.reader;
    const { status, why } = this.verdict;
    if (book === null) return { ...this.polled.summary, status, why };
    const [bid, ask] = [book.bestBid?.[0] ?? null, book.bestAsk?.[0] ?? null];
    return { status, why, bid, ask, spread: book.spread, age: this.age };
  }

  /** Call `listener` with each event as it comes, until the returned function is called. */
  listen(listener) {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Stop reading events. */
  pause() {
    this.#stream = this.#next = null;
    this.#connect("opening");
  }

  takePolled(polled) {
    this.#confirmedAt = Math.max(this.#confirmedAt, this.#confirmedByPoll());
    this.#compare();
    this.polled = polled;
    // A quiet book has no event that would show that the resumed stream has caught up.
    const isLater = polled.askedAt > this.#connectionSince;
    if (this.#connection === "resumed" && isLater && !this.#isBehindPoll()) this.#connect("open");
    else this.#onChange();
  }

  /** A new stream has opened. */
  onOpen(stream) {
    this.streams.opened += 1;
    const isShownWell = this.#connection === "open" && this.reader.state === State.VERIFIED;
    if (isShownWell && this.age !== null && this.age < RECENT) {
      this.#next = { stream, reader: new LiveBook(this.symbol, this.reader.counts), since: now() };
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
    this.streams.resumed += 1;
    this.reader.resume();
    this.#connect("resumed");
  }

  onInterrupted(stream) {
    if (stream === this.#next?.stream) this.#takeNext();
    if (stream !== this.#stream) return;
    if (this.#connection !== "interrupted") this.streams.interrupted += 1;
    this.#connect("interrupted");
  }

  onEvent(stream, event) {
    for (const listener of this.#listeners) listener(event);
    if (stream === this.#next?.stream) {
      this.#next.reader.apply(event);
      if (this.#hasCaughtUp()) this.#takeNext();
    } else if (stream === this.#stream) {
      this.#take(event);
    }
  }

  #take(event) {
    const isNews = this.reader.apply(event);
    // The first snapshot of a stream may be old; later events have just happened.
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
    const { state, lastStatus, position } = this.#next.reader;
    if (lastStatus.status !== "live") return true;
    if (state !== State.VERIFIED) return state !== State.WAITING;
    return !isBefore(position, this.reader.position);
  }

  #giveUpCatchingUp() {
    if (this.#next !== null && now() - this.#next.since > CATCH_UP) this.#takeNext();
  }

  #takeNext() {
    const { stream, reader } = this.#next;
    this.#next = null;
    this.#stream = stream;
    // The visible book stays the last known one.
    reader.book ??= this.reader.book;
    reader.source ??= this.reader.source;
    this.reader = reader;
    if (reader.isBroken) this.#feed.again();
    this.#connect("open");
  }

  /** The time at which /books confirmed the visible book, or an earlier one. */
  #confirmedByPoll() {
    const { polled, reader } = this;
    if (polled.age_ms === null || reader.position === null || this.#isBehindPoll()) return -Infinity;
    return polled.askedAt - polled.age_ms;
  }

  #isBehindPoll() {
    return (this.reader.position?.seq ?? 0) < (this.polled.seq ?? 0);
  }

  /** Request a new stream if this one is behind /books. A dead connection looks like a quiet book,
   *  but events that /books had seconds ago must have arrived since. */
  #compare() {
    const isRead = this.#connection === "open" || this.#connection === "resumed";
    if (!isRead || this.#next !== null || this.reader.position === null || !this.#isBehindPoll()) return;
    this.#feed.again();
    this.#connect("behind");
  }

  /** The state of the stream: "opening", "blocked", "open", "interrupted", "resumed" or "behind". */
  get connection() {
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
