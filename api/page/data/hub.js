// One stream for all windows of a browser, or for a single page.
//
// A browser opens about six HTTP/1.1 connections to a host, for all its windows together. So the
// hub has one stream with every book that any subscriber wants. If the books change, or a book is
// broken, it opens a new stream, which replaces the old one when it is open.

import { now } from "./clock.js";
import { BooksStream } from "./stream.js";

// Changes within this time cause only one new stream.
const SETTLE = 50;
const FIRST_DELAY = 500;
const MOST_DELAY = 30_000;
// After a stream that lasted this long the back-off starts again.
const PROVEN = 20_000;

class Subscriber {
  symbols = new Set();
  heardAt = now();
  #hub;

  constructor(hub, send) {
    this.#hub = hub;
    this.send = send;
  }

  /** Handle a message: `{kind: "want", symbols, key}` or `{kind: "again"}`. */
  take(message) {
    this.heardAt = now();
    if (message.kind === "want") this.#hub.want(this, message.symbols, message.key);
    else if (message.kind === "again") this.#hub.again();
  }
}

export class StreamHub {
  #subscribers = new Set();
  // The stream that is read, and the one that is being opened to replace it.
  #current = null;
  #next = null;
  #openedAt = null;
  #opened = 0;
  #timer = null;
  #failures = 0;
  #key = null;

  /** Return a new subscriber. `send` is called with messages:
   *
   * - `{kind: "here"}` answers each "want";
   * - `{kind: "open", stream, symbols}`: a new stream, whose first events begin the books again;
   * - `{kind: "event", stream, event}`: an event of a book that the subscriber wants;
   * - `{kind: "resumed" | "interrupted", stream}`: the stream has resumed, or was interrupted.
   */
  subscribe(send) {
    const subscriber = new Subscriber(this, send);
    this.#subscribers.add(subscriber);
    return subscriber;
  }

  want(subscriber, symbols, key = null) {
    // All subscribers of a hub have the same key.
    this.#key = key;
    const before = subscriber.symbols;
    subscriber.symbols = new Set(symbols);
    this.#subscribers.add(subscriber);
    subscriber.send({ kind: "here" });
    // A new reader needs a snapshot, which only a new stream begins with.
    const isChanged = before.size !== subscriber.symbols.size || symbols.some((symbol) => !before.has(symbol));
    if (isChanged) this.#change();
  }

  /** Open a new stream after a delay, because a book is broken or behind. */
  again() {
    if (this.#timer === null && this.#next === null) this.#fail();
  }

  /** Remove subscribers that sent nothing for `patience` ms: a closed window is not reported. */
  forgetSilent(patience) {
    const silent = [...this.#subscribers].filter(({ heardAt }) => now() - heardAt > patience);
    for (const subscriber of silent) {
      subscriber.symbols = new Set();
      this.#subscribers.delete(subscriber);
    }
    if (silent.length > 0) this.#change();
  }

  /** Close the stream and forget all symbols. */
  close() {
    for (const subscriber of this.#subscribers) subscriber.symbols = new Set();
    this.#change();
  }

  onOpen(stream) {
    // The current stream opens again if it ended before it could be resumed.
    if (stream !== this.#current) this.#current?.close();
    this.#current = stream;
    if (stream === this.#next) this.#next = null;
    this.#openedAt = now();
    this.#tell({ kind: "open", stream: stream.number, symbols: [...stream.symbols] });
  }

  onResumed(stream) {
    if (stream === this.#current) this.#tell({ kind: "resumed", stream: stream.number });
  }

  onInterrupted(stream) {
    if (stream === this.#current) this.#tell({ kind: "interrupted", stream: stream.number });
  }

  onRefused(stream) {
    this.onInterrupted(stream);
    if (stream === this.#current) this.#current = null;
    if (stream === this.#next) this.#next = null;
    if (this.#timer === null && this.#next === null) this.#fail();
  }

  onEvent(stream, event) {
    if (event === null) {
      this.again();
      return;
    }
    for (const { symbols, send } of this.#subscribers) {
      if (symbols.has(event.symbol)) send({ kind: "event", stream: stream.number, event });
    }
  }

  #tell(message) {
    for (const { send } of this.#subscribers) send(message);
  }

  #wanted() {
    return [...new Set([...this.#subscribers].flatMap(({ symbols }) => [...symbols]))].sort();
  }

  #change() {
    if (this.#wanted().length > 0) this.#openIn(SETTLE);
    else this.#end();
  }

  #fail() {
    const hasLasted = this.#openedAt !== null && now() - this.#openedAt > PROVEN;
    this.#failures = hasLasted ? 1 : this.#failures + 1;
    this.#openIn(delay(this.#failures));
  }

  #openIn(milliseconds) {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#open(), milliseconds);
  }

  #open() {
    this.#timer = null;
    this.#next?.close();
    this.#next = null;
    const symbols = this.#wanted();
    if (symbols.length === 0) return;
    this.#openedAt = null;
    this.#opened += 1;
    this.#next = new BooksStream(this.#opened, symbols, this.#key, this);
  }

  #end() {
    clearTimeout(this.#timer);
    this.#timer = null;
    this.#current?.close();
    this.#next?.close();
    this.#current = this.#next = null;
  }
}

function delay(failures) {
  const most = Math.min(MOST_DELAY, FIRST_DELAY * 2 ** (failures - 1));
  return most * (0.5 + Math.random() / 2);
}
