// The view of the table of all books, with some ladders side by side.

import { readBest } from "../best/read.js";
import { BestTable, sharedPair } from "../best/table.js";
import { apiUrl } from "../data/address.js";
import { keptKey } from "../data/key.js";
import { MOST_LADDERS, folded, selected, toggled } from "../data/selection.js";
import { CommandList } from "../developer/command_list.js";
import { listCommands } from "../developer/commands.js";
import { Overview } from "../overview/overview.js";
import { write } from "../parts/texts.js";
import { listed, quoted } from "../parts/words.js";
import { Ladder } from "./ladder.js";

export class LaddersView {
  element = document.getElementById("home");
  #books;
  #painter;
  #router;
  #overview;
  // By symbol, in their order.
  #ladders = new Map();
  #names = null;
  #best = openBest();
  #commands = new CommandList("Read these books by curl, Python or JavaScript");
  // The symbol whose ladder could not be opened because too many are open.
  #refused = null;

  /** `books` is the Books of the page, `keys` its Keys, `order` its TableOrder. */
  constructor({ books, painter, router, keys, order }) {
    this.#books = books;
    this.#painter = painter;
    this.#router = router;
    const onToggle = (symbol) => this.#toggle(symbol);
    this.#overview = new Overview({ history: books.history, painter, keys, order, onToggle });
    this.element.prepend(this.#overview.element);
    this.element.append(this.#commands.element);
  }

  /** Show the ladders of the names in the address. */
  show({ names }) {
    this.element.hidden = false;
    this.#names = names;
    this.#refused = null;
    this.update();
    const { previous } = this.#router;
    if (previous?.view === "book") this.#focus(previous.name);
  }

  /** Update ladders, table and notices to the books. */
  update() {
    const selection = selected(this.#books.list, this.#names);
    this.#books.follow(selection.symbols);
    this.#keepOnly(selection.symbols);
    this.#place(selection.symbols);
    this.#overview.take(this.#books.list, this.#books.followed, this.#books.isKnown);
    this.#best.follow(sharedPair(selection.symbols, this.#books.list));
    const served = selection.symbols.filter((symbol) => this.#books.followed.get(symbol).polled.status !== "refused");
    this.#commands.show(listCommands(served, apiUrl, keptKey() !== null));
    this.#paintNotices(selection);
  }

  /** Paint everything in one frame, so that a book's row and its ladder never differ. */
  paint() {
    this.#overview.paint();
    this.#best.paint();
    for (const ladder of this.#ladders.values()) ladder.paint();
  }

  /** Paint what shows a book at the next frame. */
  paintBook(symbol) {
    for (const part of [this.#ladders.get(symbol), this.#overview.row(symbol)]) {
      if (part !== undefined) this.#painter.soon(part);
    }
  }

  close() {
    this.#best.close();
    this.#keepOnly([]);
    this.#overview.close();
    this.#commands.element.remove();
    this.element.hidden = true;
  }

  /** Return the focus to the ladder from which a book was opened. */
  #focus(name) {
    const symbol = [...this.#ladders.keys()].find((each) => folded(each) === folded(name));
    this.#ladders.get(symbol)?.element.querySelector("h2 a").focus();
  }

  #toggle(symbol) {
    const names = toggled(symbol, [...this.#ladders.keys()]);
    if (names !== null) {
      this.#router.replace({ view: "ladders", names });
      return;
    }
    this.#refused = symbol;
    this.update();
  }

  #keepOnly(symbols) {
    for (const [symbol, ladder] of this.#ladders) {
      if (symbols.includes(symbol)) continue;
      ladder.element.remove();
      this.#ladders.delete(symbol);
    }
  }

  #place(symbols) {
    const section = document.getElementById("ladders");
    this.#ladders = new Map(symbols.map((symbol) => [symbol, this.#ladders.get(symbol) ?? this.#make(symbol)]));
    [...this.#ladders.values()].forEach(({ element }, index) => {
      const there = section.children[index] ?? null;
      if (there !== element) section.insertBefore(element, there);
    });
  }

  #make(symbol) {
    const ladder = new Ladder(this.#books.followed.get(symbol), () => this.#toggle(symbol));
    this.#painter.soon(ladder);
    return ladder;
  }

  #paintNotices({ symbols, unknown, tooMany }) {
    const hasBooks = this.#books.list.length > 0;
    const notices = [];
    // Without any book every name would be unknown.
    if (unknown.length > 0 && hasBooks) {
      notices.push(`There is no book ${listed(unknown)}. The table lists all books.`);
    }
    const more = tooMany.length > 0 ? listed(tooMany) : this.#refused && quoted(this.#refused);
    if (more) notices.push(`At most ${MOST_LADDERS} ladders can be open. Close one to open ${more}.`);
    write(document.getElementById("notice"), notices.join(" "));
    document.getElementById("no-ladder").hidden = symbols.length > 0 || !hasBooks;
  }
}

/** Return the table of best prices, between the table of all books and the ladders. */
function openBest() {
  const best = new BestTable(readBest);
  document.getElementById("notice").before(best.element);
  return best;
}
