// The events of several books, for the hub.

import { EventStream, streamAddress } from "../kraken-book.js";
import { BASE } from "./address.js";

export class BooksStream {
  #stream;

  /** Begin a new stream.
   *
   * `number` identifies the stream. `listener` has `onOpen`, `onResumed`, `onInterrupted`,
   * `onRefused` and `onEvent`, whose first argument is this stream.
   */
  constructor(number, symbols, listener) {
    this.number = number;
    this.symbols = new Set(symbols);
    this.#stream = new EventStream(streamAddress(BASE, symbols), {
      onOpen: () => listener.onOpen(this),
      onResumed: () => listener.onResumed(this),
      onInterrupted: () => listener.onInterrupted(this),
      onRefused: () => listener.onRefused(this),
      onEvent: (event) => listener.onEvent(this, event),
    });
  }

  close() {
    this.#stream.close();
  }
}
