// What the visitor has chosen to see in the table: search, filters and order.
//
// Search and filters are kept for the tab, because another tab may look for other books. The order
// and the columns are kept for all visits.

import { TAB, readKept, writeKept } from "../parts/kept.js";
import { DEFAULT_SORT, isSort } from "./columns.js";
import { searchOf } from "./search.js";

const FILTER_NAME = "kraken-book overview filter";
const ORDER_NAME = "kraken-book overview order";
const LONGEST_TEXT = 200;

export const ANY = "";
// A choice of the status filter that is no status.
const NOT_LIVE = "not live";

export class Choice {
  text = "";
  venue = ANY;
  status = ANY;
  hasOnlyFavourites = false;
  sort = DEFAULT_SORT;
  hasAllColumns = false;
  /** The scrolled distance at which the table was left. */
  top = 0;

  constructor() {
    const filter = readKept(FILTER_NAME, TAB) ?? {};
    this.text = textOf(filter.text);
    this.venue = textOf(filter.venue);
    this.status = textOf(filter.status);
    this.hasOnlyFavourites = filter.hasOnlyFavourites === true;
    this.top = Number.isFinite(filter.top) ? filter.top : 0;
    const order = readKept(ORDER_NAME) ?? {};
    if (isSort(order.sort)) this.sort = { key: order.sort.key, direction: order.sort.direction };
    this.hasAllColumns = order.hasAllColumns === true;
  }

  /** Change some members, and keep them. */
  change(members) {
    Object.assign(this, members);
    const { text, venue, status, hasOnlyFavourites, top, sort, hasAllColumns } = this;
    writeKept(FILTER_NAME, { text: textOf(text), venue, status, hasOnlyFavourites, top }, TAB);
    writeKept(ORDER_NAME, { sort, hasAllColumns });
  }

  /** Show all books again. */
  clear() {
    this.change({ text: "", venue: ANY, status: ANY, hasOnlyFavourites: false });
  }

  get isFiltering() {
    return this.text.trim() !== "" || this.venue !== ANY || this.status !== ANY || this.hasOnlyFavourites;
  }

  /** Return the lines that match. */
  filtered(lines) {
    const isFound = searchOf(this.text);
    return lines.filter(({ facts }) => isFound(facts.symbol) && this.#matches(facts));
  }

  #matches({ venue, status, isFavourite }) {
    if (this.venue !== ANY && venue !== this.venue) return false;
    if (this.hasOnlyFavourites && !isFavourite) return false;
    if (this.status === NOT_LIVE) return status !== "live";
    return this.status === ANY || status === this.status;
  }
}

function textOf(value) {
  return typeof value === "string" ? value.slice(0, LONGEST_TEXT) : "";
}
