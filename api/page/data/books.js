// The books of this page: all of them as in /books, and those whose events are read.

import { now } from "./clock.js";
import { FollowedBook } from "./followed.js";
import { PollHistory } from "./poll_history.js";

export class Books {
  /** The books of the last good response (PolledBook). */
  list = [];
  /** Whether the last request succeeded, and whether any did. */
  isKnown = false;
  isAnswered = false;
  /** The books that the open view shows live: symbol → FollowedBook. */
  followed = new Map();
  /** What /books said of each book in the last minutes. */
  history = new PollHistory();
  #feed;
  #onChange;

  /** `onChange` is called with the symbol of each followed book that has changed. */
  constructor(feed, onChange) {
    this.#feed = feed;
    this.#onChange = onChange;
  }

  /** Take a response of /books. */
  take(list) {
    this.list = list;
    this.history.take(list, now());
    this.isAnswered = this.isKnown = true;
    for (const book of list) this.followed.get(book.symbol)?.takePolled(book);
  }

  /** Note that the last request failed. */
  fail() {
    this.isKnown = false;
  }

  /** Follow exactly these symbols of `list`; books that are followed already go on. */
  follow(symbols) {
    this.followed = new Map(symbols.map((symbol) => [symbol, this.followed.get(symbol) ?? this.#begin(symbol)]));
    this.read();
  }

  /** Read the events of the followed books, except refused ones, and none while the page is hidden. */
  read() {
    const readable = new Map();
    for (const [symbol, book] of this.followed) {
      if (document.hidden || book.polled.status === "refused") book.pause();
      else readable.set(symbol, book);
    }
    this.#feed.follow(readable);
  }

  /** Read no events until `read`. */
  pause() {
    for (const book of this.followed.values()) book.pause();
    this.#feed.follow(new Map());
  }

  #begin(symbol) {
    const polled = this.list.find((book) => book.symbol === symbol);
    return new FollowedBook(polled, this.#feed, () => this.#onChange(symbol));
  }
}
