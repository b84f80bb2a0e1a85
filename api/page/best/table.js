// The best bid and ask of one pair: its venues side by side, in a section of its own.
//
// The table requests the prices itself while the page is visible, and is hidden without a pair that
// several venues have.

import { now } from "../data/clock.js";
import { pairOf } from "../data/selection.js";
import { fromTemplate, write } from "../parts/texts.js";
import { clean, venueTitle } from "../parts/words.js";
import { VenueRow, decimalsOf } from "./row.js";

const INTERVAL = 1000;
// While only one venue has the pair.
const SLOW_INTERVAL = 30_000;
// An older answer shows no book as live.
const PATIENCE = 5000;
const NO_BEST = { bid: null, ask: null, spread: null, is_crossed: false };

/** Return the pair of the first of `symbols` that another of `books` has too; null without one. */
export function sharedPair(symbols, books) {
  const counts = new Map();
  for (const { symbol } of books) counts.set(pairOf(symbol), (counts.get(pairOf(symbol)) ?? 0) + 1);
  return symbols.map(pairOf).find((pair) => counts.get(pair) > 1) ?? null;
}

export class BestTable {
  element = fromTemplate("best-template");
  #read;
  #rows = new Map();
  #pair = null;
  #answer = null;
  #askedAt = 0;
  #failure = "";
  #timer = null;
  // The number of the poll; answers to older ones are dropped.
  #poll = 0;
  #closing = new AbortController();

  /** Show nothing until `follow`.
   *
   * @param {(pair: string) => Promise<object>} read Returns an answer of `GET /best/{pair}` within some
   * seconds, or throws an error whose message says why there is none.
   */
  constructor(read) {
    this.#read = read;
    const { signal } = this.#closing;
    document.addEventListener("visibilitychange", () => this.#restart(), { signal });
    window.addEventListener("pagehide", () => this.#stop(), { signal });
    window.addEventListener("pageshow", ({ persisted }) => persisted && this.#restart(), { signal });
    this.paint();
  }

  /** Show the venues of this pair, or nothing if it is null. */
  follow(pair) {
    if (pair === this.#pair) return;
    this.#pair = pair;
    this.#answer = null;
    this.#failure = "";
    this.#restart();
    this.paint();
  }

  /** Show the last answer, with its ages now. */
  paint() {
    const venues = this.#answer?.venues ?? [];
    this.element.hidden = venues.length < 2;
    if (this.element.hidden) return;
    const isKnown = this.#failure === "" && now() - this.#askedAt < PATIENCE;
    const best = isKnown ? this.#answer.best : NO_BEST;
    write(this.#part("title"), `Best prices of ${clean(this.#answer.pair)}`);
    write(this.#part("summary"), summaryOf(best));
    write(this.#part("failure"), this.#failure);
    this.#paintRows(venues, best, isKnown);
  }

  /** Stop for good, and remove the section. */
  close() {
    this.#stop();
    this.#closing.abort();
    this.element.remove();
  }

  #paintRows(venues, best, isKnown) {
    const body = this.#part("venues");
    const decimals = decimalsOf(venues);
    const waited = now() - this.#askedAt;
    const rows = new Map(venues.map((book) => [book.symbol, this.#rows.get(book.symbol) ?? new VenueRow()]));
    for (const [symbol, row] of this.#rows) if (!rows.has(symbol)) row.element.remove();
    this.#rows = rows;
    venues.forEach((book, index) => {
      const row = rows.get(book.symbol);
      const there = body.children[index] ?? null;
      if (there !== row.element) body.insertBefore(row.element, there);
      row.paint(book, { best, waited, isKnown, decimals });
    });
  }

  #stop() {
    clearTimeout(this.#timer);
    this.#poll += 1;
  }

  #restart() {
    this.#stop();
    if (this.#pair !== null && !document.hidden) this.#request(this.#poll);
  }

  async #request(poll) {
    const askedAt = now();
    let answer = null;
    let failure = "";
    try {
      answer = await this.#read(this.#pair);
    } catch (error) {
      failure = `${clean(error.message)}. This table keeps trying.`;
    }
    if (poll !== this.#poll) return;
    if (answer !== null) [this.#answer, this.#askedAt] = [answer, askedAt];
    this.#failure = failure;
    this.paint();
    const interval = this.element.hidden ? SLOW_INTERVAL : INTERVAL;
    this.#timer = setTimeout(() => this.#request(poll), interval);
  }

  #part(name) {
    return this.element.querySelector(`[data-part="${name}"]`);
  }
}

/** Return the best prices as a sentence. */
function summaryOf({ bid, ask, spread, is_crossed: isCrossed }) {
  const place = ({ price, venue }) => `${clean(price)} at ${venueTitle(venue)}`;
  const bids = bid === null ? "No live book has a bid" : `Best bid ${place(bid)}`;
  const asks = ask === null ? "no live book has an ask" : `best ask ${place(ask)}`;
  const gap = spread === null ? "" : `, spread ${clean(spread)}`;
  return `${bids}, ${asks}${gap}${isCrossed ? ": crossed, because the bid is not below the ask" : ""}.`;
}
