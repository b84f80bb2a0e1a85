// One EventSource on the events of several books.

import { streamUrl } from "./address.js";

export class BooksStream {
  #source;

  /** Begin a fresh stream.
   *
   * `number` tells it from other streams. `listener` has `onOpen`, `onResumed`, `onInterrupted`,
   * `onRefused` and `onEvent`; each gets this stream first.
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
      // The browser connects again by itself, unless it got an answer that is no stream.
      if (source.readyState === EventSource.CLOSED) listener.onRefused(this);
      else listener.onInterrupted(this);
    };
  }

  close() {
    this.#source.close();
  }
}

/** The event in a message, null if there is none. */
function parsed(data) {
  try {
    const event = JSON.parse(data);
    return typeof event?.symbol === "string" ? event : null;
  } catch {
    return null;
  }
}
