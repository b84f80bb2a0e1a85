// This page's line to the events: through the SharedWorker of this browser, or a hub of its own.

import { now } from "./clock.js";
import { StreamHub } from "./hub.js";

// Changed with the messages, so that a window that was loaded before an upgrade and one that was
// loaded after it do not share a worker.
const NAME = "kraken-book 1";
// So many ticks in a row without an answer, and the worker is given up.
const MOST_UNANSWERED = 30;
const TICKS_PER_BEAT = 4;

export class Feed {
  #followed = new Map();
  #post;
  #endWorker = null;
  #ticks = 0;
  #unanswered = 0;
  // When anything came by stream; null before the first event.
  heardAt = null;

  constructor() {
    if ("SharedWorker" in self) this.#useWorker();
    else this.#useOwnHub();
  }

  /** Read the books of `followed` (symbol → FollowedBook), and no others. */
  follow(followed) {
    this.#followed = followed;
    this.#want();
  }

  /** Ask for a fresh stream: a book broke. */
  again() {
    this.#post({ kind: "again" });
  }

  /** Say now and then that this page is there, and see that the worker is. */
  tick() {
    if (this.#endWorker !== null) this.#unanswered += 1;
    if (this.#unanswered > MOST_UNANSWERED) this.#useOwnHub();
    this.#ticks += 1;
    if (this.#ticks % TICKS_PER_BEAT === 0) this.#want();
  }

  #want() {
    this.#post({ kind: "want", symbols: [...this.#followed.keys()] });
  }

  #useWorker() {
    try {
      const worker = new SharedWorker(new URL("worker.js", import.meta.url), { type: "module", name: NAME });
      worker.onerror = () => this.#useOwnHub();
      worker.port.onmessage = ({ data }) => this.#take(data);
      this.#post = (message) => worker.port.postMessage(message);
      this.#endWorker = () => worker.port.close();
    } catch {
      // A browser may have it and still forbid it, as private windows of some do.
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
