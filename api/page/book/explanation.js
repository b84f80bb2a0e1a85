// The explanation how this page has proved a book, a dialog. It shows one comparison and rests on it,
// because nobody can read texts that change with each event.

import { venueOf } from "../data/selection.js";
import { copyText } from "../developer/copy.js";
import { fromTemplate, mark, write } from "../parts/texts.js";
import { clean } from "../parts/words.js";
import { collectorText, countedText, eventText, limitsText, proofVerdict, sourceNote } from "./words.js";

const CHECKED_LEVELS = 10;

export class Explanation {
  element = fromTemplate("explanation-template");
  #followed;

  /** `followed` is the FollowedBook to explain. */
  constructor(followed) {
    this.#followed = followed;
    write(this.#part("title"), `How ${clean(followed.symbol)} is proved`);
    this.#part("close").addEventListener("click", () => this.element.close());
    this.#part("newest").addEventListener("click", () => this.#fill());
    this.#part("copy").addEventListener("click", () => copyText(this.#part("command"), this.#part("copied")));
    this.element.addEventListener("keydown", (event) => {
      if (event.key === "e") this.element.close();
    });
  }

  open() {
    this.#fill();
    this.element.showModal();
  }

  close() {
    this.element.close();
  }

  #fill() {
    const { symbol, reader, polled, verdict, source } = this.#followed;
    const check = reader.lastCheck;
    const venue = venueOf(symbol);
    write(this.#part("verdict"), proofVerdict(verdict, check));
    this.#part("check").hidden = check === null;
    if (check !== null) this.#fillCheck(check);
    write(this.#part("collector"), collectorText(reader.proof ?? polled.proof, venue));
    write(this.#part("source"), sourceNote(source, venue));
    write(this.#part("limits"), limitsText(reader.book?.depth ?? CHECKED_LEVELS));
  }

  #fillCheck({ position, text, computed, received }) {
    const { counts, book } = this.#followed.reader;
    mark(this.element, "seq", position.seq);
    write(this.#part("event"), eventText(position));
    write(this.#part("text"), text);
    write(this.#part("computed"), String(computed));
    write(this.#part("received"), String(received));
    write(this.#part("result"), computed === received ? "✓ equal" : "✕ different");
    mark(this.#part("result"), "equal", computed === received ? "" : null);
    write(this.#part("count"), countedText(counts));
    write(this.#part("command"), `python3 -c 'import zlib; print(zlib.crc32(b"${text}"))'`);
    write(this.#part("copied"), "");
    this.#fillDigits(book, text);
  }

  /** List the levels whose digits are the text; none if the book has changed since. */
  #fillDigits(book, text) {
    const levels = [["ask", book.asks], ["bid", book.bids]].flatMap(([name, side]) =>
      side.best(CHECKED_LEVELS).map(([price, qty]) => [name, price, qty, digits(price) + digits(qty)]));
    const isSame = levels.map((level) => level[3]).join("") === text;
    this.element.querySelector("details").hidden = !isSame;
    this.#part("digits").replaceChildren(...(isSame ? levels : []).map(rowOf));
  }

  #part(name) {
    return this.element.querySelector(`[data-part="${name}"]`);
  }
}

function digits(text) {
  return text.replace(".", "").replace(/^0+/, "");
}

function rowOf(cells) {
  const row = document.createElement("tr");
  cells.forEach((text, index) => {
    const cell = document.createElement("td");
    if (index > 0) cell.className = index < 3 ? "number" : "decimal";
    write(cell, text);
    row.append(cell);
  });
  return row;
}
