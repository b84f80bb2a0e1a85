// The visitor's choices for ladders: the number of levels for all books, because it depends on the
// screen, and the size of groups for each symbol, because it depends on the price.

import { readKept, writeKept } from "../parts/kept.js";
import { SIZES } from "./grouping.js";

const LEVELS_NAME = "kraken-book levels";
const GROUPS_NAME = "kraken-book groups";
const STEPS = [10, 25, 50, 100, 250, 500];
const FIRST_LEVELS = 25;
const MOST_SYMBOLS = 200;

/** Return the numbers of levels to choose from for a book of this depth. */
export function levelsFor(depth) {
  return [...STEPS.filter((levels) => levels < depth), depth];
}

/** Return the chosen number of levels, or the nearest below that a book of this depth has. */
export function chosenLevels(depth) {
  const kept = readKept(LEVELS_NAME);
  const levels = Number.isInteger(kept) && kept > 0 ? kept : FIRST_LEVELS;
  return levelsFor(depth).findLast((each) => each <= levels) ?? levelsFor(depth)[0];
}

/** Choose the number of levels for all books. */
export function chooseLevels(levels) {
  writeKept(LEVELS_NAME, levels);
}

/** Return the chosen size of the groups of a symbol, in ticks. */
export function chosenGroup(symbol) {
  const size = keptGroups().find(([name]) => name === symbol)?.[1];
  return SIZES.includes(size) ? size : 1;
}

/** Choose the size of groups for a symbol; of many symbols, the last ones are kept. */
export function chooseGroup(symbol, size) {
  const others = keptGroups().filter(([name]) => name !== symbol);
  const chosen = size === 1 ? others : [...others, [symbol, size]];
  writeKept(GROUPS_NAME, chosen.slice(-MOST_SYMBOLS));
}

function keptGroups() {
  const kept = readKept(GROUPS_NAME);
  return Array.isArray(kept) ? kept.filter(Array.isArray) : [];
}
