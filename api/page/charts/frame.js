// The frame of a chart: title, the figures at the cursor, the drawing, and a summary in words.
//
// The drawing is a slider for assistive technology: arrow keys move its cursor, and its value is
// the text at the cursor. The summary changes slowly, so that it can be read in peace.

import { now } from "../data/clock.js";
import { make } from "../parts/dom.js";
import { write } from "../parts/texts.js";

const SUMMARY_INTERVAL = 10_000;
let frames = 0;

export class Frame {
  element;
  /** The element of the drawing. */
  host;
  #readout = make("p", "readout");
  #note = make("p", "note");
  #summary;
  #summarizedAt = -Infinity;

  /** `name` is that of the style sheet; `onKey` is called with each keydown and returns whether it was used. */
  constructor({ name, title, about, onKey }) {
    frames += 1;
    this.#summary = make("p", "unseen", { id: `chart-summary-${frames}` });
    this.host = make("div", "drawing", {
      role: "slider", tabindex: "0", "aria-label": about, "aria-describedby": this.#summary.id,
      "aria-valuemin": "0", "aria-valuemax": "0", "aria-valuenow": "0", "aria-valuetext": "",
    });
    this.host.addEventListener("keydown", (event) => {
      if (event.ctrlKey || event.altKey || event.metaKey || !onKey(event)) return;
      event.preventDefault();
    });
    const head = make("header", "", {}, make("h3", "", {}, title), this.#readout);
    this.element = make("figure", `chart ${name}`, {}, head, make("div", "stage", {}, this.host, this.#note), this.#summary);
  }

  /** Add an element to the head, before the figures. */
  addToHead(element) {
    this.#readout.before(element);
  }

  /** Show the figures at the cursor; each is `[name, text, className]`, or a text. */
  show(parts, { index = 0, count = 1 } = {}) {
    const text = parts.map((part) => (typeof part === "string" ? part : `${part[0]} ${part[1]}`)).join(", ");
    if (this.host.getAttribute("aria-valuetext") !== text) {
      this.#readout.replaceChildren(...parts.map(shown));
      this.host.setAttribute("aria-valuetext", text);
    }
    this.host.setAttribute("aria-valuemax", String(Math.max(0, count - 1)));
    this.host.setAttribute("aria-valuenow", String(index));
  }

  /** Show a sentence over the drawing, or nothing if it is empty. */
  note(text) {
    write(this.#note, text);
  }

  /** Update the summary, with the result of `summarize`, if the last one is old enough. */
  summarize(summarize) {
    if (now() - this.#summarizedAt < SUMMARY_INTERVAL) return;
    const text = summarize();
    if (text === null) return;
    this.#summarizedAt = now();
    write(this.#summary, text);
  }
}

function shown(part) {
  if (typeof part === "string") return make("span", "", {}, part);
  const [name, text, className = ""] = part;
  return make("span", className, {}, `${name} `, make("b", "", {}, text));
}
