// What the visitor has chosen to see in the table: search, filters and order.
//
// Search and filters are kept for the tab, because another tab may look for other books. The order
// and the columns are kept for all visits.

import { DEFAULT_SORT, isSort } from "./columns.js";
import { searchOf } from "./search.js";
import { readKept, writeKept } from "./kept.js";

const TAB_NAME = "kraken-book overview filter";
const VISITOR_NAME = "kraken-book overview order";
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
  #tab;
  #visitor;

  /** `tab` and `visitor` are the browser's storages of this tab and of all visits. */
  constructor(tab, visitor) {
    this.#tab = tab;
    this.#visitor = visitor;
    const filter = readKept(tab, TAB_NAME) ?? {};
    this.text = textOf(filter.text);
    this.venue = textOf(filter.venue);
    this.status = textOf(filter.status);
    this.hasOnlyFavourites = filter.hasOnlyFavourites === true;
    const order = readKept(visitor, VISITOR_NAME) ?? {};
    if (isSort(order.sort)) this.sort = { key: order.sort.key, direction: order.sort.direction };
    this.hasAllColumns = order.hasAllColumns === true;
  }

  /** Change some members, and keep them. */
  change(members) {
    Object.assign(this, members);
    const { text, venue, status, hasOnlyFavourites, sort, hasAllColumns } = this;
    writeKept(this.#tab, TAB_NAME, { text: textOf(text), venue, status, hasOnlyFavourites });
    writeKept(this.#visitor, VISITOR_NAME, { sort, hasAllColumns });
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
