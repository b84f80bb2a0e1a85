// /books, every two seconds while the page is seen: every book's status and age.

const INTERVAL = 2000;
const PATIENCE = 5000;

/** A book as /books told it, with an age that goes on growing. */
class PolledBook {
  #askedAt;

  constructor(book, askedAt) {
    Object.assign(this, book);
    this.#askedAt = askedAt;
  }

  /** The age now. It counts from before the question, so it is never younger than the truth. */
  get ageNow() {
    return this.age_ms === null ? null : this.age_ms + performance.now() - this.#askedAt;
  }
}

export class BooksPoll {
  #onBooks;
  #onFailure;
  #timer = null;
  #running = false;

  /** `onBooks` gets the list of books, `onFailure` why there is none. */
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
    const answer = await ask();
    if (!this.#running) return;
    if (answer.failure === null) this.#onBooks(answer.books);
    else this.#onFailure(answer.failure);
    this.#timer = setTimeout(() => this.#poll(), INTERVAL);
  }
}

async function ask() {
  const askedAt = performance.now();
  try {
    const response = await fetch("/books", {
      cache: "no-store",
      signal: AbortSignal.timeout(PATIENCE),
    });
    const body = await response.json();
    if (!response.ok) return { failure: `The api answers ${response.status}: ${body.detail}` };
    return { failure: null, books: body.map((book) => new PolledBook(book, askedAt)) };
  } catch {
    // No connection, no answer in time, or an answer that is not the api's: all the same to a reader.
    return { failure: "The api does not answer" };
  }
}
