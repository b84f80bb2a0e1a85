// Request /books, with every book's status and age, every two seconds while the page is visible.

import { apiUrl } from "./address.js";
import { now } from "./clock.js";
import { keyHeaders, keptKey } from "./key.js";
import { venueOf } from "./selection.js";
import { clean, statusText } from "../parts/words.js";

const INTERVAL = 2000;
const PATIENCE = 5000;

/** A book from a response of /books, with an age that grows since then. */
export class PolledBook {
  constructor(book, askedAt) {
    Object.assign(this, book);
    this.askedAt = askedAt;
    this.answeredAt = now();
  }

  /** The age now. It counts from the request, so that it is never too low. */
  get age() {
    return this.age_ms === null ? null : this.age_ms + now() - this.askedAt;
  }

  /** The values for the table. */
  get summary() {
    return {
      status: this.status,
      why: this.status === "live" ? "" : statusText(this.status, this.reason, venueOf(this.symbol)),
      bid: this.best_bid?.price ?? null,
      ask: this.best_ask?.price ?? null,
      spread: this.spread,
      age: this.age,
    };
  }
}

export class BooksPoll {
  #onBooks;
  #onFailure;
  #timer = null;
  #running = false;
  #asked = 0;

  /** `onBooks` is called with the list of books, `onFailure` with the reason that there is none, and
   *  whether a key is needed. */
  constructor(onBooks, onFailure) {
    this.#onBooks = onBooks;
    this.#onFailure = onFailure;
  }

  start() {
    if (this.#running) return;
    this.#running = true;
    this.#poll();
  }

  stop() {
    this.#running = false;
    clearTimeout(this.#timer);
  }

  async #poll() {
    this.#asked += 1;
    const asked = this.#asked;
    const answer = await ask();
    if (!this.#running || asked !== this.#asked) return;
    if (answer.failure === null) this.#onBooks(answer.books);
    else this.#onFailure(answer.failure, answer.needsKey);
    this.#timer = setTimeout(() => this.#poll(), INTERVAL);
  }
}

async function ask() {
  const askedAt = now();
  let response;
  let text;
  try {
    const signal = AbortSignal.timeout(PATIENCE);
    response = await fetch(apiUrl("books"), { cache: "no-store", headers: keyHeaders(), signal });
    // The connection may also fail after the head of the response.
    text = await response.text();
  } catch (error) {
    if (error.name === "TimeoutError") {
      return failed("The server does not respond, or other windows use all of this browser's connections to it");
    }
    return failed("The server cannot be reached");
  }
  try {
    const body = JSON.parse(text);
    if (response.status === 401) return { failure: keyText(body), needsKey: true };
    if (!response.ok) return failed(`The server responded with ${response.status}: ${clean(body.detail ?? body.title ?? "no reason given")}`);
    return { failure: null, books: body.map((book) => new PolledBook(book, askedAt)) };
  } catch {
    return failed(`The response, with status ${response.status}, is not a list of books: is this the address of a kraken-book api?`);
  }
}

function keyText({ detail }) {
  return keptKey() === null ? "This api needs a key" : `The key is not accepted: ${clean(detail)}`;
}

function failed(failure) {
  return { failure, needsKey: false };
}
