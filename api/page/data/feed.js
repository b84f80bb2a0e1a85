// The page's events: from the SharedWorker of this browser, or from a hub in this page.

import { now } from "./clock.js";
import { StreamHub } from "./hub.js";
import { keptKey, keyWord } from "./key.js";

// The number changes with the messages, so that windows loaded before and after an upgrade do not
// share a worker.
const NAME = "kraken-book 2";
// After this number of ticks without an answer the worker is replaced by a hub in this page.
const MOST_UNANSWERED = 30;
const TICKS_PER_BEAT = 4;

export class Feed {
  #followed = new Map();
  #post;
  #endWorker = null;
  #ticks = 0;
  #unanswered = 0;
  // The time of the last event; null before the first.
  heardAt = null;

  constructor() {
    if ("SharedWorker" in self) this.#useWorker();
    else this.#useOwnHub();
  }

  /** Read exactly the books of `followed` (symbol → FollowedBook). */
  follow(followed) {
    this.#followed = followed;
    this.#want();
  }

  /** Request a new stream, because a book is broken. */
  again() {
    this.#post({ kind: "again" });
  }

  /** Send a sign of life from time to time, and check that the worker answers. */
  tick() {
    if (this.#endWorker !== null) this.#unanswered += 1;
    if (this.#unanswered > MOST_UNANSWERED) this.#useOwnHub();
    this.#ticks += 1;
    if (this.#ticks % TICKS_PER_BEAT === 0) this.#want();
  }

  #want() {
    this.#post({ kind: "want", symbols: [...this.#followed.keys()], key: keptKey() });
  }

  #useWorker() {
    try {
      const name = `${NAME} ${keyWord()}`;
      const worker = new SharedWorker(new URL("worker.js", import.meta.url), { type: "module", name });
      worker.onerror = () => this.#useOwnHub();
      worker.port.onmessage = ({ data }) => this.#take(data);
      this.#post = (message) => worker.port.postMessage(message);
      this.#endWorker = () => worker.port.close();
    } catch {
      // Some browsers have SharedWorker, but forbid it in private windows.
      this.#useOwnHub();
    }
  }

  #useOwnHub() {
    this.#unanswered = 0;
    const hadWorker = this.#endWorker !== null;
    if (hadWorker) {
      this.#post({ kind: "want", symbols: [] });
      this.#endWorker();
      this.#endWorker = null;
    } else if (this.#post !== undefined) {
      return;
    }
    for (const followed of this.#followed.values()) followed.pause();
    const subscriber = new StreamHub().subscribe((message) => this.#take(message));
    this.#post = (message) => subscriber.take(message);
    if (hadWorker) this.#want();
  }

  #take(message) {
    this.#unanswered = 0;
    if (message.kind === "event") {
      this.heardAt = now();
      this.#followed.get(message.event.symbol)?.onEvent(message.stream, message.event);
    } else if (message.kind === "open") {
      for (const symbol of message.symbols) this.#followed.get(symbol)?.onOpen(message.stream);
    } else if (message.kind === "resumed") {
      for (const followed of this.#followed.values()) followed.onResumed(message.stream);
    } else if (message.kind === "interrupted") {
      for (const followed of this.#followed.values()) followed.onInterrupted(message.stream);
    }
  }
}
