// An EventSource with the events of several books.

import { streamUrl } from "./address.js";

export class BooksStream {
  #source;

  /** Begin a new stream.
   *
   * `number` identifies the stream. `listener` has `onOpen`, `onResumed`, `onInterrupted`,
   * `onRefused` and `onEvent`, whose first argument is this stream.
   */
  constructor(number, symbols, listener) {
    this.number = number;
    this.symbols = new Set(symbols);
    const source = new EventSource(streamUrl(symbols));
    this.#source = source;
    source.onopen = () => {
      source.onopen = () => listener.onResumed(this);
      listener.onOpen(this);
    };
    source.onmessage = ({ data }) => listener.onEvent(this, parsed(data));
    source.onerror = () => {
      // The browser reconnects automatically, unless the response is no stream.
      if (source.readyState === EventSource.CLOSED) listener.onRefused(this);
      else listener.onInterrupted(this);
    };
  }

  close() {
    this.#source.close();
  }
}

/** Return the event in a message, null if it contains none. */
function parsed(data) {
  try {
    const event = JSON.parse(data);
    return typeof event?.symbol === "string" ? event : null;
  } catch {
    return null;
  }
}
