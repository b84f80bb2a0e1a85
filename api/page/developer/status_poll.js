// Request /status every two seconds, while its view is open and the page is visible.

import { apiUrl } from "../data/address.js";
import { now } from "../data/clock.js";
import { keyHeaders } from "../data/key.js";
import { clean } from "../parts/words.js";

const INTERVAL = 2000;
const PATIENCE = 5000;

export class StatusPoll {
  #listener;
  #aborter = new AbortController();
  #timer = null;

  /** `listener` is called with `{answer, askedAt, failure}`; `answer` or `failure` is null. */
  constructor(listener) {
    this.#listener = listener;
    this.#poll();
  }

  close() {
    clearTimeout(this.#timer);
    this.#aborter.abort();
  }

  async #poll() {
    if (!document.hidden) {
      const found = await ask(this.#aborter.signal);
      if (this.#aborter.signal.aborted) return;
      this.#listener(found);
    }
    this.#timer = setTimeout(() => this.#poll(), INTERVAL);
  }
}

async function ask(isClosed) {
  const askedAt = now();
  const failed = (failure) => ({ answer: null, askedAt, failure });
  try {
    const signal = AbortSignal.any([isClosed, AbortSignal.timeout(PATIENCE)]);
    const response = await fetch(apiUrl("status"), { cache: "no-store", headers: keyHeaders(), signal });
    const body = await response.json();
    if (!response.ok) return failed(`The server responded with ${response.status}: ${clean(body.detail ?? body.title ?? "no reason given")}`);
    return { answer: body, askedAt, failure: null };
  } catch (error) {
    if (error instanceof SyntaxError) return failed("The response is not JSON: is this the address of a kraken-book api?");
    return failed("The server does not respond");
  }
}
