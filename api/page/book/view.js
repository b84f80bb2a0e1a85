// The view of one book: ladder, facts about its trust, and panels.

import { readBest } from "../best/read.js";
import { BestTable } from "../best/table.js";
import { folded, pairOf, venueOf } from "../data/selection.js";
import { spreadPoints } from "../parts/basis_points.js";
import { NOTHING, fromTemplate, mark, write, writeDecimal } from "../parts/texts.js";
import { clean, sourceText } from "../parts/words.js";
import { hashOf } from "../routes.js";
import { DepthLadder } from "./depth_ladder.js";
import { Explanation } from "./explanation.js";
import { Facts } from "./facts.js";
import { panelsOf } from "./panels.js";
import { newsText, unknownText } from "./words.js";

export class BookView {
  element = document.createElement("div");
  #books;
  #painter;
  #router;
  #keys;
  #order;
  #name = null;
  #hasFocus = false;
  // The shown book with its parts; null while there is none of this name.
  #shown = null;

  /** `books` is the Books of the page, `keys` its Keys, `order` its TableOrder. */
  constructor({ books, painter, router, keys, order }) {
    this.#books = books;
    this.#painter = painter;
    this.#router = router;
    this.#keys = keys;
    this.#order = order;
  }

  /** Show the book of the address. */
  show({ name, view }) {
    this.#name = name ?? view;
    this.#hasFocus = false;
    this.update();
  }

  /** Find the book among those of /books, which may have changed. */
  update() {
    const { list } = this.#books;
    const symbol = list.find((book) => folded(book.symbol) === folded(this.#name))?.symbol ?? null;
    this.#books.follow(symbol === null ? [] : [symbol]);
    if (symbol !== null) this.#open(symbol);
    else if (list.length > 0) this.#explainUnknown();
    else this.#show(null, []);
    this.#shown?.update(this.#order.symbols(this.#books));
  }

  paint() {
    this.#shown?.paint();
  }

  paintBook() {
    this.#painter.soon(this);
  }

  close() {
    this.#show(null, []);
    this.element.remove();
  }

  #open(symbol) {
    const followed = this.#books.followed.get(symbol);
    if (this.#shown?.followed !== followed) {
      const page = { painter: this.#painter, router: this.#router, keys: this.#keys };
      const shown = new ShownBook(followed, page);
      this.#show(shown, [shown.element]);
    }
    this.#focus();
  }

  /** Show `elements` instead of what was shown; `shown` is the book among them, or null. */
  #show(shown, elements) {
    this.#shown?.close();
    this.#shown = shown;
    mark(this.element, "unknown", null);
    this.element.replaceChildren(...elements);
  }

  #explainUnknown() {
    if (this.element.dataset.unknown === this.#name) return;
    const element = fromTemplate("no-book-template");
    write(element.querySelector("[data-part='title']"), clean(this.#name));
    write(element.querySelector("[data-part='why']"), unknownText(this.#name));
    element.querySelector("[data-part='back']").href = hashOf(this.#router.table);
    this.#show(null, [element]);
    mark(this.element, "unknown", this.#name);
    this.#focus();
  }

  /** Move the focus to the new heading, so that screen readers read on from there. */
  #focus() {
    if (this.#hasFocus) return;
    this.#hasFocus = true;
    this.element.querySelector("h2").focus({ preventScroll: true });
    window.scrollTo(0, 0);
  }
}

/** One book on the screen, until another one is opened. */
class ShownBook {
  element = fromTemplate("book-template");
  #router;
  #ladder;
  #facts;
  #explanation;
  #panels;
  #removeKeys;
  // The symbols before and after this one in the table, which begins again at its end; null without.
  #previous = null;
  #next = null;

  constructor(followed, { painter, router, keys }) {
    this.followed = followed;
    this.#router = router;
    const name = clean(followed.symbol);
    mark(this.element, "symbol", followed.symbol);
    this.element.setAttribute("aria-label", `Book of ${name}`);
    write(this.#part("symbol"), name);
    this.#ladder = new DepthLadder(this.#part("ladder"), followed);
    this.#facts = new Facts(this.#part("facts"), followed);
    this.#explanation = new Explanation(followed);
    this.element.append(this.#explanation.element);
    this.#part("explain").addEventListener("click", () => this.#explanation.open());
    this.#part("back").href = hashOf(router.table);
    this.#panels = [...panelsOf({ followed, painter, keys }), ["developer", openBest(followed.symbol)]];
    for (const [slot, { element }] of this.#panels) this.#slot(slot).append(element);
    this.#removeKeys = keys.add("This book", this.#bindings());
  }

  /** Update the links to the neighbours among `symbols`. A book that is not among them is before the
   *  first one. */
  update(symbols) {
    const index = symbols.indexOf(this.followed.symbol);
    const hasOthers = symbols.length > Number(index >= 0);
    this.#previous = hasOthers ? symbols.at(Math.max(index, 0) - 1) : null;
    this.#next = hasOthers ? symbols[(index + 1) % symbols.length] : null;
    for (const [part, symbol] of [["previous", this.#previous], ["next", this.#next]]) {
      this.#part(part).hidden = symbol === null;
      if (symbol === null) continue;
      this.#part(part).href = hashOf({ view: "book", name: symbol });
      write(this.#part(part).querySelector("span"), clean(symbol));
      this.#part(part).setAttribute("aria-label", `${part === "next" ? "Next" : "Previous"} book: ${clean(symbol)}`);
    }
  }

  paint() {
    const { symbol, verdict, source } = this.followed;
    mark(this.element, "status", verdict.status);
    mark(this.element, "doubt", verdict.doubt);
    mark(this.element, "source", source);
    write(this.#part("source"), sourceText(source, venueOf(symbol), verdict.doubt === null));
    // Screen readers hear this when it changes, and nothing of the ticks.
    write(this.#part("news"), newsText(symbol, verdict));
    this.#paintQuotes();
    this.#ladder.paint();
    this.#facts.paint();
    for (const [, panel] of this.#panels) panel.paint();
  }

  close() {
    this.#removeKeys();
    this.#explanation.close();
    for (const [, panel] of this.#panels) panel.close();
    this.element.remove();
  }

  #paintQuotes() {
    const { bid, ask, spread } = this.followed.summary;
    writeDecimal(this.#part("best-bid"), bid ?? NOTHING);
    writeDecimal(this.#part("best-ask"), ask ?? NOTHING);
    writeDecimal(this.#part("spread"), spread ?? NOTHING);
    write(this.#part("points"), spreadPoints(bid, ask) ?? NOTHING);
  }

  #bindings() {
    return [
      { key: "n", does: "next book", run: () => this.#go(this.#next) },
      { key: "p", does: "previous book", run: () => this.#go(this.#previous) },
      { key: "Escape", does: "back to all books", run: () => this.#router.open(this.#router.table) },
      { key: "l", does: "more levels", run: () => this.#ladder.stepLevels(1) },
      { key: "L", does: "fewer levels", run: () => this.#ladder.stepLevels(-1) },
      { key: "g", does: "group by more ticks", run: () => this.#ladder.stepGroup(1) },
      { key: "G", does: "group by fewer ticks", run: () => this.#ladder.stepGroup(-1) },
      { key: "e", does: "explain how the book is proved", run: () => this.#explanation.open() },
    ];
  }

  #go(symbol) {
    if (symbol !== null) this.#router.open({ view: "book", name: symbol });
  }

  #slot(name) {
    return this.element.querySelector(`[data-slot="${name}"]`);
  }

  #part(name) {
    return this.element.querySelector(`[data-part="${name}"]`);
  }
}

/** Return the best prices of a symbol's pair, which are hidden if only one venue has it. */
function openBest(symbol) {
  const best = new BestTable(readBest);
  best.follow(pairOf(symbol));
  return best;
}
