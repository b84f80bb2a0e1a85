// One symbol's SSE stream. A dropped one the browser itself resumes, by Last-Event-ID; one that the
// api refuses, or whose book broke, is opened fresh after a jittered back-off.

const FIRST_DELAY = 500;
const MOST_DELAY = 30_000;
// A stream that lasted so long has proved itself: the back-off starts anew.
const PROVEN = 20_000;

export class SymbolStream {
  #url;
  #listener;
  #source = null;
  #timer = null;
  #failures = 0;
  #openedAt = null;

  /** `listener` has onFresh, onResumed, onInterrupted and onEvent. */
  constructor(symbol, listener) {
    this.#url = `/stream/${encodeURIComponent(symbol)}`;
    this.#listener = listener;
  }

  /** Begin a fresh stream now. */
  open() {
    this.close();
    this.#openedAt = null;
    const source = new EventSource(this.#url);
    this.#source = source;
    source.onmessage = (message) => this.#listener.onEvent(JSON.parse(message.data));
    source.onerror = () => this.#interrupted();
    source.onopen = () => {
      this.#openedAt = performance.now();
      this.#listener.onFresh();
      source.onopen = () => this.#listener.onResumed();
    };
  }

  close() {
    clearTimeout(this.#timer);
    this.#source?.close();
    this.#source = null;
  }

  /** Close, and begin a fresh stream after a while. */
  reopen() {
    this.#failures = this.#hasLasted() ? 1 : this.#failures + 1;
    this.close();
    this.#timer = setTimeout(() => this.open(), delay(this.#failures));
  }

  #interrupted() {
    this.#listener.onInterrupted();
    if (this.#source.readyState === EventSource.CLOSED) this.reopen();
  }

  #hasLasted() {
    return this.#openedAt !== null && performance.now() - this.#openedAt > PROVEN;
  }
}

function delay(failures) {
  const most = Math.min(MOST_DELAY, FIRST_DELAY * 2 ** (failures - 1));
  return most * (0.5 + Math.random() / 2);
}
