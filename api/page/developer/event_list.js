// The raw events of a book, newest first. Nothing is kept or painted while the list is closed.

import { make } from "../parts/dom.js";
import { Pace } from "../parts/pace.js";
import { mark, write } from "../parts/texts.js";
import { clean } from "../parts/words.js";
import { EventLog, rowTexts } from "./event_log.js";

const MOST_EVENTS = 200;
// With thousands of events a second, each painting replaces the whole list.
const INTERVAL = 200;

export class EventList {
  element;
  #followed;
  #log = new EventLog(MOST_EVENTS);
  #pace;
  #stopListening = null;
  #pauseText = make("span");
  #pause = make("button", "control", { type: "button", "aria-keyshortcuts": "x" }, this.#pauseText, " ", make("kbd", "", {}, "x"));
  #summary = make("span", "count");
  #rows = make("tbody");
  #newest = 0;

  /** `followed` is the FollowedBook whose events are listed. */
  constructor(followed, painter) {
    this.#followed = followed;
    this.#pace = new Pace(INTERVAL, painter, () => this.#fill());
    this.#pause.addEventListener("click", () => this.togglePause());
    const titles = ["Kind", "Epoch, seq", "Checksum", "Event"].map((title) => make("th", "", { scope: "col" }, title));
    const table = make("table", "", {}, make("thead", "", {}, make("tr", "", {}, ...titles)), this.#rows);
    const scroll = make("div", "scroll", { tabindex: "0", role: "region", "aria-label": "Raw events, newest first" }, table);
    const tools = make("p", "buttons", {}, this.#pause, this.#summary);
    this.element = make("details", "developer event-list", {}, make("summary", "", {}, "Raw events ", make("kbd", "", {}, "r")), tools, scroll);
    this.element.addEventListener("toggle", () => this.#openOrClose());
    this.#fill();
  }

  toggle() {
    this.element.open = !this.element.open;
  }

  togglePause() {
    if (!this.element.open) return;
    if (this.#log.isPaused) this.#log.resume();
    else this.#log.pause();
    this.#fill();
  }

  close() {
    this.#stopListening?.();
    this.#pace.close();
  }

  #openOrClose() {
    this.#stopListening?.();
    this.#stopListening = null;
    this.#log.clear();
    if (this.element.open) {
      this.#stopListening = this.#followed.listen((event) => {
        this.#log.add(event);
        this.#pace.request();
      });
    }
    this.#fill();
  }

  #fill() {
    const { isPaused, held, count, newest } = this.#log;
    write(this.#pauseText, isPaused ? "Continue" : "Pause");
    mark(this.element, "paused", isPaused ? "" : null);
    write(this.#summary, summaryText(count, newest.length, isPaused, held));
    const fresh = newest.filter(({ number }) => number > this.#newest);
    if (newest.length === 0) this.#rows.replaceChildren();
    else this.#rows.prepend(...fresh.map(rowElement));
    while (this.#rows.childElementCount > newest.length) this.#rows.lastElementChild.remove();
    this.#newest = newest[0]?.number ?? 0;
  }
}

function summaryText(count, listed, isPaused, held) {
  const since = `${count.toLocaleString("en")} ${count === 1 ? "event" : "events"} since the list was opened, the newest ${listed} shown`;
  return isPaused ? `Paused; ${held.toLocaleString("en")} came since. ${since}.` : `${since}.`;
}

function rowElement({ event }) {
  const { kind, position, checksum, text } = rowTexts(event);
  const cells = [clean(kind), position, checksum, text].map((each) => make("td", "", {}, each));
  const row = make("tr", "", {}, ...cells);
  mark(row, "kind", clean(kind));
  return row;
}
