// The ladder of the view of a book: its levels, or groups of them, with cumulative quantities.

import { now } from "../data/clock.js";
import { SideRows, roughTotal } from "../ladders/rows.js";
import { decimalsOf } from "../parts/exact.js";
import { NOTHING, write, writeDecimal } from "../parts/texts.js";
import { chooseGroup, chooseLevels, chosenGroup, chosenLevels, levelsFor } from "./choices.js";
import { grouped, sizesFor, stepText } from "./grouping.js";
import { cutText, groupText } from "./words.js";

const ROWS = { template: "depth-row-template", room: 0 };
// Of a longer ladder, only the rows in view are painted with each event, because each event changes
// the totals of all rows beyond it. The others follow after this time in ms.
const LONG = 100;
const REST_AFTER = 500;

export class DepthLadder {
  #element;
  #followed;
  #asks;
  #bids;
  #levels;
  #group;
  // The depth and the decimals for which choices are offered; null before the first book.
  #offered = null;
  // When all rows were painted, and how long the bars were.
  #whole = { at: -Infinity, full: 1 };
  // The longest texts so far, for the style sheet. They only grow, so that the layout does not jump.
  #chars = [0, 0, 0];

  /** `element` has the parts of the template, `followed` is a FollowedBook. */
  constructor(element, followed) {
    this.#element = element;
    this.#followed = followed;
    this.#asks = new SideRows(this.#part("asks"), "ask", ROWS);
    this.#bids = new SideRows(this.#part("bids"), "bid", ROWS);
    this.#levels = this.#part("levels");
    this.#group = this.#part("group");
    this.#levels.addEventListener("change", () => this.#chooseLevels());
    this.#group.addEventListener("change", () => this.#chooseGroup());
    for (const name of ["asks", "bids"]) this.#part(name).addEventListener("scroll", () => this.paint(), { passive: true });
    this.#resize(levelsFor(0)[0]);
  }

  paint() {
    const { reader, verdict } = this.#followed;
    write(this.#part("doubt"), verdict.why);
    if (reader.book === null) return;
    this.#offer(reader.book);
    this.#paintBook(reader.book);
  }

  /** Choose the next larger number of levels, or the next smaller one for -1. */
  stepLevels(step) {
    if (stepSelect(this.#levels, step)) this.#chooseLevels();
  }

  /** Choose the next larger size of groups, or the next smaller one for -1. */
  stepGroup(step) {
    if (stepSelect(this.#group, step)) this.#chooseGroup();
  }

  #chooseLevels() {
    chooseLevels(Number(this.#levels.value));
    this.#settle();
  }

  #chooseGroup() {
    chooseGroup(this.#followed.symbol, Number(this.#group.value));
    this.#settle();
  }

  /** Paint after a choice; nothing flashes, because no level has changed. */
  #settle() {
    this.#asks.settle();
    this.#bids.settle();
    this.#whole.at = -Infinity;
    this.paint();
  }

  /** Offer the choices that fit a book, again only if its depth or precision has changed. */
  #offer(book) {
    const price = (book.bestAsk ?? book.bestBid)?.[0];
    if (price === undefined) return;
    const decimals = decimalsOf(price);
    const offered = `${book.depth} ${decimals}`;
    if (offered === this.#offered) return;
    this.#offered = offered;
    const levels = levelsFor(book.depth).map((count) => [count, String(count)]);
    offer(this.#levels, levels, chosenLevels(book.depth));
    const sizes = sizesFor(price).map((size) => [size, groupText(size, stepText(size, decimals))]);
    offer(this.#group, sizes, chosenGroup(this.#followed.symbol));
  }

  #paintBook(book) {
    const rows = Number(this.#levels.value) || book.depth;
    this.#resize(rows);
    if (rows > LONG && now() - this.#whole.at < REST_AFTER) this.#paintView(book);
    else this.#paintWhole(book, rows);
    writeDecimal(this.#part("gap"), book.spread ?? NOTHING);
  }

  #paintWhole(book, rows) {
    const asks = this.#groupsOf(book, "ask", rows);
    const bids = this.#groupsOf(book, "bid", rows);
    this.#fit([...asks, ...bids]);
    this.#whole = { at: now(), full: Math.max(roughTotal(asks), roughTotal(bids)) || 1 };
    this.#asks.paint(asks, this.#whole.full);
    this.#bids.paint(bids, this.#whole.full);
    const isCut = [asks, bids].some((side) => side.at(-1)?.[3]);
    write(this.#part("cut"), isCut ? cutText(book.depth) : "");
  }

  #paintView(book) {
    for (const [name, side] of [["ask", this.#asks], ["bid", this.#bids]]) {
      const [first, end] = side.view;
      side.paintSome(this.#groupsOf(book, name, end), this.#whole.full, first);
    }
  }

  /** Return the best groups of a side, at most `most`. */
  #groupsOf(book, name, most) {
    const side = name === "ask" ? book.asks : book.bids;
    const size = Number(this.#group.value) || 1;
    // Ungrouped, each row is a level.
    const levels = side.best(size === 1 ? Math.min(most, book.depth) : book.depth);
    return grouped(levels, name, size, side.length < book.depth, most);
  }

  /** Set the number of characters that must fit in each column, for the style sheet. */
  #fit(levels) {
    for (const level of levels) this.#chars = this.#chars.map((most, index) => Math.max(most, level[index].length));
    ["price", "qty", "total"].forEach((name, index) =>
      this.#element.style.setProperty(`--${name}-chars`, this.#chars[index]));
  }

  #resize(rows) {
    this.#asks.resize(rows);
    this.#bids.resize(rows);
  }

  #part(name) {
    return this.#element.querySelector(`[data-part="${name}"]`);
  }
}

function offer(select, options, chosen) {
  select.replaceChildren(...options.map(([value, text]) => new Option(text, value)));
  select.value = options.some(([value]) => value === chosen) ? chosen : options[0][0];
}

function stepSelect(select, step) {
  const index = select.selectedIndex + step;
  if (index < 0 || index >= select.options.length) return false;
  select.selectedIndex = index;
  return true;
}
