// The events of several books, for the hub.

import { EventStream, streamAddress } from "../kraken-book.js";
import { BASE } from "./address.js";

export class BooksStream {
  #stream;

  /** Begin a new stream.
   *
   * `number` identifies the stream, `key` is null if the api needs none. `listener` has `onOpen`, `onResumed`, `onInterrupted`,
   * `onRefused` and `onEvent`, whose first argument is this stream.
   */
  constructor(number, symbols, key, listener) {
    this.number = number;
    this.symbols = new Set(symbols);
    const methods = {
      onOpen: () => listener.onOpen(this),
      onResumed: () => listener.onResumed(this),
      onInterrupted: () => listener.onInterrupted(this),
      onRefused: () => listener.onRefused(this),
      onEvent: (event) => listener.onEvent(this, event),
    };
    this.#stream = new EventStream(streamAddress(BASE, symbols), methods, { key });
  }

  close() {
    this.#stream.close();
  }
}
