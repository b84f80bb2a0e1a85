// The charts of one book: over time with one cursor, its depth now, and the cost of an order.

import { pairOf } from "../data/selection.js";
import { make } from "../parts/dom.js";
import { Pace } from "../parts/pace.js";
import { mark } from "../parts/texts.js";
import { clean } from "../parts/words.js";
import { CostPanel } from "./cost.js";
import { DepthChart } from "./depth.js";
import { Heat } from "./heat.js";
import { IMBALANCE, SPREAD } from "./lines.js";
import { TimeChart } from "./time_chart.js";
import { Timeline } from "./timeline.js";

// The samples come once a second.
const INTERVAL = 1000;
let opened = 0;

export class BookCharts {
  element;
  #followed;
  #history;
  #timeline;
  #overTime;
  #present;
  #pace;

  /** `history` is a new BookHistory of `followed`; it is open as long as the charts. */
  constructor({ followed, history, painter }) {
    opened += 1;
    this.#followed = followed;
    this.#history = history;
    this.#timeline = new Timeline(history);
    const [base, quote = ""] = pairOf(followed.symbol).split("/").map((code) => clean(code));
    const units = { base, quote };
    this.#overTime = [new Heat(units), SPREAD, IMBALANCE].map((figure) => new TimeChart(this.#timeline, figure, `time-${opened}`));
    this.#present = [new DepthChart(followed, units, painter), new CostPanel(followed, units, painter)];
    const [past, now] = [["past", this.#overTime], ["now", this.#present]].map(([name, charts]) => make("div", name, {}, ...charts.map(({ element }) => element)));
    this.element = make("section", "charts", { "aria-label": `Charts of ${clean(followed.symbol)}` }, past, now);
    this.#pace = new Pace(INTERVAL, painter, () => this.#drawPast());
    history.listen(() => this.#pace.request());
    history.open();
    this.#pace.request();
  }

  paint() {
    const { verdict } = this.#followed;
    mark(this.element, "doubt", verdict.doubt);
    for (const chart of this.#present) chart.paint();
  }

  close() {
    this.#history.close();
    this.#pace.close();
    for (const chart of [...this.#overTime, ...this.#present]) chart.close();
    this.element.remove();
  }

  #drawPast() {
    this.#timeline.refresh();
    for (const chart of this.#overTime) chart.draw();
  }
}
