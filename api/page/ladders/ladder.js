// The section of one followed book: best prices, rows, status and counts.

import { venueOf } from "../data/selection.js";
import { writeSymbol } from "../parts/symbol.js";
import { NOTHING, ageText, countText, fromTemplate, mark, write, writeDecimal } from "../parts/texts.js";
import { clean, laggedText, sourceText } from "../parts/words.js";
import { hashOf } from "../routes.js";
import { SideRows, roughTotal } from "./rows.js";

const FEWEST_ROWS = 10;
// More rows would slow every frame down. The caption shows that a deeper book is cut.
const MOST_ROWS = 100;

export class Ladder {
  element = fromTemplate("ladder-template");
  #followed;
  #asks;
  #bids;
  // The longest price and quantity so far. They only grow, so that the layout does not jump.
  #priceChars = 0;
  #qtyChars = 0;

  /** `onClose` is called when the visitor closes this ladder. */
  constructor(followed, onClose) {
    this.#followed = followed;
    const { symbol } = followed;
    mark(this.element, "symbol", symbol);
    const name = clean(symbol);
    this.element.setAttribute("aria-label", `Order book of ${name}`);
    const link = document.createElement("a");
    link.href = hashOf({ view: "book", name: symbol });
    this.#part("symbol").append(link);
    writeSymbol(link, name);
    this.#part("close").setAttribute("aria-label", `Close the ladder of ${name}`);
    this.#part("close").addEventListener("click", onClose);
    this.#asks = new SideRows(this.#part("asks"), "ask");
    this.#bids = new SideRows(this.#part("bids"), "bid");
    this.#resize(FEWEST_ROWS);
    this.#paintBest("ask");
    this.#paintBest("bid");
  }

  paint() {
    const { symbol, reader, verdict, source } = this.#followed;
    mark(this.element, "status", verdict.status);
    mark(this.element, "doubt", verdict.doubt);
    mark(this.element, "source", source);
    write(this.#part("source"), sourceText(source, venueOf(symbol), verdict.doubt === null));
    write(this.#part("doubt"), verdict.why);
    if (reader.book !== null) this.#paintBook(reader.book);
    this.#paintTrust(reader, verdict);
  }

  #paintBook(book) {
    const rows = Math.max(FEWEST_ROWS, Math.min(book.depth, MOST_ROWS));
    this.#resize(rows);
    const asks = book.asks.best(rows);
    const bids = book.bids.best(rows);
    this.#fit([...asks, ...bids]);
    const full = Math.max(roughTotal(asks), roughTotal(bids));
    this.#asks.paint(asks, full);
    this.#bids.paint(bids, full);
    this.#paintBest("ask", asks[0]);
    this.#paintBest("bid", bids[0]);
    writeDecimal(this.#part("spread"), book.spread ?? NOTHING);
    write(this.#part("depth"), depthText(book.depth));
  }

  #paintBest(side, level) {
    const [price, qty] = level ?? [NOTHING, ""];
    writeDecimal(this.#part(`best-${side}`), price);
    writeDecimal(this.#part(`best-${side}-qty`), qty);
  }

  /** Set the number of characters that must fit in a row, for the style sheet. */
  #fit(levels) {
    for (const [price, qty] of levels) {
      this.#priceChars = Math.max(this.#priceChars, price.length);
      this.#qtyChars = Math.max(this.#qtyChars, qty.length);
    }
    this.element.style.setProperty("--price-chars", this.#priceChars);
    this.element.style.setProperty("--qty-chars", this.#qtyChars);
  }

  #paintTrust({ counts, position }, { status }) {
    const { verified, mismatches, lagged, conflated } = counts;
    mark(this.element, "verified", verified);
    mark(this.element, "mismatches", mismatches);
    mark(this.element, "seq", position?.seq ?? null);
    write(this.#part("verified"), countText(verified));
    write(this.#part("mismatches"), countText(mismatches));
    write(this.#part("seq"), position ? String(position.seq) : NOTHING);
    write(this.#part("epoch"), position ? String(position.epoch) : NOTHING);
    write(this.#part("age"), ageText(this.#followed.age));
    write(this.#part("status"), clean(status));
    write(this.#part("lagged"), laggedText(counts));
    write(this.#part("conflated"), countText(conflated));
    this.#part("mismatches").classList.toggle("bad", mismatches > 0);
    this.#part("lagged").classList.toggle("bad", lagged > 0);
  }

  #resize(rows) {
    this.#asks.resize(rows);
    this.#bids.resize(rows);
  }

  #part(name) {
    return this.element.querySelector(`[data-part="${name}"]`);
  }
}

function depthText(depth) {
  return depth > MOST_ROWS ? `${MOST_ROWS} of ${depth}` : `depth ${depth}`;
}
