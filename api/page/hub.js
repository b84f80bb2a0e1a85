// One stream for everybody who reads books here: the windows of a browser, or one page alone.
//
// A browser opens about six HTTP/1.1 connections to a host, for all its windows together. So the
// hub has one stream with every book that any subscriber wants. If they want others, or somebody's
// book broke, a fresh stream is opened, and takes the place of the old one when it is open: until
// then the old one goes on.

import { now } from "./clock.js";
import { BooksStream } from "./stream.js";

// Changes that come together make one new stream.
const SETTLE = 50;
const FIRST_DELAY = 500;
const MOST_DELAY = 30_000;
// A stream that lasted this long has proved itself: the back-off starts again.
const PROVEN = 20_000;

class Subscriber {
  symbols = new Set();
  heardAt = now();
  #hub;

  constructor(hub, send) {
    this.#hub = hub;
    this.send = send;
  }

  /** Do what a message asks for: `{kind: "want", symbols}` or `{kind: "again"}`. */
  take(message) {
    this.heardAt = now();
    if (message.kind === "want") this.#hub.want(this, message.symbols);
    else if (message.kind === "again") this.#hub.again();
  }
}

export class StreamHub {
  #subscribers = new Set();
  // The stream that is read, and the one that is being opened to take its place.
  #current = null;
  #next = null;
  #openedAt = null;
  #opened = 0;
  #timer = null;
  #failures = 0;

  /** A new subscriber. `send` gets messages:
   *
   * - `{kind: "here"}` answers each "want";
   * - `{kind: "open", stream, symbols}`: a fresh stream, from whose first events books begin anew;
   * - `{kind: "event", stream, event}`: an event of a book that the subscriber wants;
   * - `{kind: "resumed" | "interrupted", stream}`: it goes on where it stopped; it broke.
   */
  subscribe(send) {
    const subscriber = new Subscriber(this, send);
    this.#subscribers.add(subscriber);
    return subscriber;
  }

  want(subscriber, symbols) {
    const before = subscriber.symbols;
    subscriber.symbols = new Set(symbols);
    this.#subscribers.add(subscriber);
    subscriber.send({ kind: "here" });
    // A new reader of a book needs all of it, which only a fresh stream brings.
    const isChanged = before.size !== subscriber.symbols.size || symbols.some((symbol) => !before.has(symbol));
    if (isChanged) this.#change();
  }

  /** Open a fresh stream after a while: a book broke, or fell behind. */
  again() {
    if (this.#timer === null && this.#next === null) this.#fail();
  }

  /** Forget the subscribers that said nothing for `patience` ms: nobody tells of a closed window. */
  forgetSilent(patience) {
    const silent = [...this.#subscribers].filter(({ heardAt }) => now() - heardAt > patience);
    for (const subscriber of silent) {
      subscriber.symbols = new Set();
      this.#subscribers.delete(subscriber);
    }
    if (silent.length > 0) this.#change();
  }

  /** Close the stream, for good. */
  close() {
    for (const subscriber of this.#subscribers) subscriber.symbols = new Set();
    this.#change();
  }

  onOpen(stream) {
    this.#current?.close();
    this.#current = stream;
    this.#next = null;
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
    this.#next = new BooksStream(this.#opened, symbols, this);
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
