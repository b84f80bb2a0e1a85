// The symbols that the visitor has marked. All tabs of this address share them.

import { readKept, writeKept } from "../parts/kept.js";

const NAME = "kraken-book favourites";
export const MOST_FAVOURITES = 200;
const LONGEST_SYMBOL = 100;

export class Favourites {
  #symbols;

  constructor() {
    this.reload();
  }

  get count() {
    return this.#symbols.size;
  }

  has(symbol) {
    return this.#symbols.has(symbol);
  }

  /** Mark a symbol, or remove its mark; return false if there is no room for another one. */
  toggle(symbol) {
    if (this.#symbols.delete(symbol)) return this.#keep();
    if (this.count >= MOST_FAVOURITES || symbol.length > LONGEST_SYMBOL) return false;
    this.#symbols.add(symbol);
    return this.#keep();
  }

  /** Read them again, as another tab may have left them. */
  reload() {
    const kept = readKept(NAME);
    const symbols = Array.isArray(kept) ? kept.filter(isSymbol) : [];
    this.#symbols = new Set(symbols.slice(0, MOST_FAVOURITES));
  }

  #keep() {
    writeKept(NAME, [...this.#symbols]);
    return true;
  }
}

function isSymbol(value) {
  return typeof value === "string" && value !== "" && value.length <= LONGEST_SYMBOL;
}
