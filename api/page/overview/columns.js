// The columns of the table: how they sort, how wide they are, and which fit on a narrow screen.

import { compareDecimals, compareTexts } from "./decimals.js";

export const [NARROW, MEDIUM, WIDE] = [0, 1, 2];

// From good to bad. Other statuses follow.
const STATUSES = ["live", "stale", "syncing", "asked", "refused"];

const byNumber = (a, b) => a - b;
const byStatus = (a, b) => rankOf(a) - rankOf(b) || compareTexts(a, b);

/** A column of the facts' member `key`. `compare` orders two of its values, `first` is the direction
 *  of the first click, `width` the track of the grid, `screen` the narrowest screen that has room for
 *  it. */
function column(key, compare, first, width, screen = WIDE) {
  return Object.freeze({ key, compare, first, width, screen });
}

const PRICE = "minmax(calc(var(--price-chars) * 1ch + var(--gap)), 1fr)";

export const COLUMNS = Object.freeze([
  column("isFavourite", byNumber, "descending", "2rem", NARROW),
  column("pair", compareTexts, "ascending", "minmax(calc(var(--pair-chars) * 1ch + var(--pair-gap)), 1.2fr)", NARROW),
  column("venue", compareTexts, "ascending", "minmax(6rem, 0.8fr)"),
  column("status", byStatus, "ascending", "var(--status-width)", NARROW),
  column("bid", compareDecimals, "descending", PRICE, NARROW),
  column("ask", compareDecimals, "descending", PRICE, NARROW),
  column("spread", compareDecimals, "ascending", "minmax(calc(var(--spread-chars) * 1ch + var(--gap)), 1fr)"),
  column("points", compareDecimals, "ascending", "minmax(5rem, 0.6fr)", MEDIUM),
  column("rate", byNumber, "descending", "minmax(5.75rem, 0.7fr)", MEDIUM),
  column("age", byNumber, "descending", "minmax(4.25rem, 0.5fr)"),
  column("change", byNumber, "descending", "minmax(7rem, 0.8fr)"),
]);

// The link to the view of the book; it does not sort.
export const LINK_WIDTH = "2rem";

export const DEFAULT_SORT = Object.freeze({ key: "pair", direction: "ascending" });

/** Return whether `sort` names a column and a direction. */
export function isSort(sort) {
  const isColumn = COLUMNS.some(({ key }) => key === sort?.key);
  return isColumn && ["ascending", "descending"].includes(sort.direction);
}

/** Return the sort after a click on the header of column `key`. */
export function sortAfterClick(sort, key) {
  if (sort.key !== key) return { key, direction: COLUMNS.find((each) => each.key === key).first };
  return { key, direction: sort.direction === "ascending" ? "descending" : "ascending" };
}

/** Return the lines in the order of `sort`. A missing value is last in both directions, and equal
 *  values are in the order of the symbols. */
export function sorted(lines, { key, direction }) {
  const { compare } = COLUMNS.find((each) => each.key === key);
  const sign = direction === "ascending" ? 1 : -1;
  return lines.toSorted(({ facts: a }, { facts: b }) =>
    compareValues(a[key], b[key], compare, sign) || compareSymbols(a, b));
}

function compareValues(a, b, compare, sign) {
  if (a === null || b === null) return Number(a === null) - Number(b === null);
  return sign * compare(a, b);
}

/** Compare by pair, and then by venue, Kraken first as in the answers of the api. */
function compareSymbols(a, b) {
  const isKraken = ({ venue }) => Number(venue === "kraken");
  return compareTexts(a.pair, b.pair) || isKraken(b) - isKraken(a) || compareTexts(a.venue, b.venue);
}

function rankOf(status) {
  const rank = STATUSES.indexOf(status);
  return rank < 0 ? STATUSES.length : rank;
}
