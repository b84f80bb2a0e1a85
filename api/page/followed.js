// A book that this page follows: its stream, its reader, and the verdict on both.

import { BookReader } from "./reader.js";
import { SymbolStream } from "./stream.js";
import { judge } from "./trust.js";

export class FollowedBook {
  reader = new BookReader();
  polled;
  #answering = true;
  #connection = "opening";
  #stream;
  #onChange;

  /** `polled` is the book as /books told it; `onChange` is called when something changed. */
  constructor(polled, onChange) {
    this.polled = polled;
    this.#onChange = onChange;
    this.#stream = new SymbolStream(polled.symbol, this);
  }

  get symbol() {
    return this.polled.symbol;
  }

  get source() {
    return this.reader.source ?? this.polled.source;
  }

  get verdict() {
    return judge(this.reader, this.#connection, this.polled, this.#answering);
  }

  open() {
    this.#stream.open();
    this.#connect("opening");
  }

  close() {
    this.#stream.close();
    this.#connect("opening");
  }

  takePolled(polled) {
    this.#answering = true;
    this.#compare();
    this.polled = polled;
    this.#onChange();
  }

  /** The api did not answer the last poll. */
  losePolled() {
    this.#answering = false;
    this.#onChange();
  }

  onFresh() {
    this.reader.begin();
    this.#connect("open");
  }

  onResumed() {
    this.reader.resume();
    this.#connect("open");
  }

  onInterrupted() {
    this.#connect("interrupted");
  }

  onEvent(event) {
    this.reader.take(event);
    if (this.reader.isBroken) this.#stream.reopen();
    this.#onChange();
  }

  /** A connection that died without a word looks like a quiet book. But what /books told at the
   *  last poll, seconds ago, must have come by stream since. */
  #compare() {
    const { place } = this.reader;
    if (this.#connection !== "open" || place === null || place.seq >= this.polled.seq) return;
    this.#stream.reopen();
    this.#connect("behind");
  }

  #connect(connection) {
    this.#connection = connection;
    this.#onChange();
  }
}
