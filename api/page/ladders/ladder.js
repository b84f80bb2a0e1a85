// The section of one followed book: best prices, rows, status and counts.

import { SideRows, roughTotal } from "./rows.js";
import { NOTHING, ageText, countText, fromTemplate, mark, write, writeDecimal } from "../parts/texts.js";
import { venueOf } from "../data/selection.js";
import { clean, venueTitle } from "../parts/words.js";

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
    writeSymbol(this.#part("symbol"), name);
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
    write(this.#part("source"), sourceText(source, symbol, verdict));
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

/** Write a symbol; a venue other than Kraken is on a line of its own. */
function writeSymbol(heading, name) {
  const end = name.indexOf(":") + 1;
  if (end === 0) {
    write(heading, name);
    return;
  }
  const [venue, pair] = [name.slice(0, end), name.slice(end)].map((text) => {
    const part = document.createElement("span");
    part.textContent = text;
    return part;
  });
  venue.className = "venue";
  heading.replaceChildren(venue, pair);
}

/** Return the text of the source; only a verified book of its venue is called live. */
function sourceText(source, symbol, { doubt }) {
  const venue = venueOf(symbol);
  if (source === venue) return doubt === null ? `live ${venueTitle(venue)}` : venueTitle(venue);
  return source === null ? "" : clean(source);
}

function depthText(depth) {
  return depth > MOST_ROWS ? `${MOST_ROWS} of ${depth}` : `depth ${depth}`;
}

function laggedText({ lagged, missed, missedUnknown }) {
  if (lagged === 0) return "0";
  return `${countText(lagged)} (${countText(missed)}${missedUnknown ? "+" : ""} missed)`;
}
