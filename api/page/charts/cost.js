// The cost to fill an order: a form, and its result at each change of the book.

import { make } from "../parts/dom.js";
import { Pace } from "../parts/pace.js";
import { mark, write } from "../parts/texts.js";
import { sum } from "./figures.js";
import { fillOrder, parseAmount } from "./order.js";
import { TEXTS, shortageText, short } from "./words.js";

const INTERVAL = 250;
// The first amount is the quantity of so many levels, so that it takes some.
const FIRST_LEVELS = 3;
const ROWS = [
  ["average", "Average price"], ["slippage", "Slippage"], ["total", "Total"],
  ["filled", "Quantity"], ["worst", "Last price"], ["levels", "Levels"],
];
let forms = 0;

export class CostPanel {
  element;
  #followed;
  #units;
  #pace;
  #form;
  #parts = new Map();
  #fault = make("p", "fault", { role: "status" });
  #isTouched = false;

  constructor(followed, units, painter) {
    this.#followed = followed;
    this.#units = units;
    this.#pace = new Pace(INTERVAL, painter, () => this.#paint());
    this.#form = this.#makeForm();
    const rows = ROWS.map(([name, title]) => {
      const value = make("dd");
      this.#parts.set(name, value);
      return make("div", "", {}, make("dt", "", {}, title), value);
    });
    this.element = make("section", "chart cost", { "aria-label": TEXTS.cost }, make("header", "", {}, make("h3", "", {}, TEXTS.cost)), this.#form, make("dl", "", {}, ...rows), this.#fault);
  }

  paint() {
    this.#pace.request();
  }

  close() {
    this.#pace.close();
  }

  #makeForm() {
    forms += 1;
    const { base, quote } = this.#units;
    const choice = (name, value, text, isChecked) => {
      const input = make("input", "", { type: "radio", name: `${name}-${forms}`, value });
      input.checked = isChecked;
      return make("label", `segment ${value}`, {}, input, make("span", "", {}, text));
    };
    const group = (name, ...choices) => make("div", "segments", { role: "radiogroup", "aria-label": name }, ...choices);
    const amount = make("input", "amount", { type: "text", inputmode: "decimal", autocomplete: "off", spellcheck: "false", maxlength: "40", "aria-label": "Amount" });
    const form = make(
      "form", "", {},
      group("Side", choice("side", "buy", "Buy", true), choice("side", "sell", "Sell", false)),
      make("div", "entry", {}, amount, group("Unit", choice("unit", "base", base, true), choice("unit", "quote", quote, false))),
    );
    form.addEventListener("submit", (event) => event.preventDefault());
    form.addEventListener("input", () => {
      this.#isTouched = true;
      this.#paint();
    });
    return form;
  }

  /** The order in the form; null if the amount is none. */
  get #order() {
    const amount = parseAmount(this.#form.querySelector(".amount").value);
    const [side, unit] = [...this.#form.querySelectorAll("input:checked")].map(({ value }) => value);
    return amount === null ? null : { side, unit, amount };
  }

  #paint() {
    const { book } = this.#followed.reader;
    if (book === null) {
      this.#clear(TEXTS.noBook);
      return;
    }
    const levels = { bids: book.bids.best(book.depth), asks: book.asks.best(book.depth) };
    if (!this.#isTouched) this.#suggest(levels.asks);
    const order = this.#order;
    const result = order === null ? null : fillOrder(order, levels);
    if (result === null) this.#clear(order === null ? TEXTS.amountFault : TEXTS.noBook);
    else this.#show(result, order, order.side === "buy" ? levels.asks.length : levels.bids.length);
  }

  #suggest(asks) {
    const input = this.#form.querySelector(".amount");
    if (input.value !== "" || asks.length === 0) return;
    input.value = short(Number(sum(asks.slice(0, FIRST_LEVELS).map(([, qty]) => qty))).toPrecision(2)).replace(/e.*/, "");
  }

  #show(result, order, levels) {
    const { base, quote } = this.#units;
    const { average, slippage, points, total, filled, worst, isFilled } = result;
    const isNothing = average === null;
    const isDoubted = this.#followed.verdict.doubt !== null;
    this.#write("average", isNothing ? "—" : `${average} ${quote}`);
    this.#write("slippage", isNothing ? "—" : `${slippage} ${quote} · ${points} bp`);
    this.#write("total", `${short(total)} ${quote}`);
    this.#write("filled", `${short(filled)} ${base}`);
    this.#write("worst", worst ?? "—");
    this.#write("levels", `${result.levels} of ${levels}`);
    mark(this.element, "filled", isFilled);
    const sentences = [isDoubted ? `${TEXTS.lastKnown}.` : "", isFilled && isNothing ? TEXTS.tooSmall : ""];
    if (!isFilled) sentences.push(shortageText(result, order, this.#units, levels));
    write(this.#fault, sentences.filter((text) => text !== "").join(" "));
  }

  #clear(why) {
    for (const part of this.#parts.values()) write(part, "—");
    write(this.#fault, why);
  }

  #write(name, text) {
    write(this.#parts.get(name), text);
  }
}
