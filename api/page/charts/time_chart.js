// A chart over the last ten minutes; what it shows of them is the matter of its figure.

import { Frame } from "./frame.js";
import { Plot, axisOf, hatch } from "./plot.js";
import { gapText, timeText } from "./words.js";

/** The width of the axis of each chart over time, so that they stand exactly below each other. */
export const AXIS_WIDTH = 68;
// A label nearer to the left edge, in pixels, would be cut.
const LABEL_ROOM = 24;

export class TimeChart {
  #timeline;
  #figure;
  #frame;
  #plot;
  // The second of the cursor and its value on the vertical axis; null without one.
  #second = null;
  #value = null;
  // Whether the cursor was moved by keys; it then stays at its time.
  #isHeld = false;

  /** Show a figure of a timeline. `sync` is the name that charts with one cursor share.
   *
   * A figure has `name`, `title`, `about`; uPlot's `series`, `scales` and `axis` for the vertical axis,
   * whose colours are functions of the Plot that `plot()` returns; `data(timeline)`, the values
   * after the seconds; `readout(sample, value)`, the parts at the cursor; `summary(timeline)`; and
   * optionally `drawBelow(drawn, timeline, colours)`, and `step(value, direction)` for the keys up
   * and down.
   */
  constructor(timeline, figure, sync) {
    this.#timeline = timeline;
    this.#figure = figure;
    const { name, title, about } = figure;
    this.#frame = new Frame({ name, title, about, onKey: (event) => this.#press(event) });
    if (figure.legend !== undefined) this.#frame.addToHead(figure.legend);
    this.sync = sync;
  }

  get element() {
    return this.#frame.element;
  }

  /** Draw the timeline as it is now. */
  draw() {
    this.#plot ??= this.#makePlot();
    this.#frame.note(this.#timeline.note);
    if (!this.#plot.isSeen) return;
    const { seconds } = this.#timeline.series;
    this.#plot.draw([seconds, ...this.#figure.data(this.#timeline, this.#plot)]);
    if (this.#isHeld) this.#point();
    this.#show();
    this.#frame.summarize(() => this.#figure.summary(this.#timeline));
  }

  close() {
    this.#plot?.close();
  }

  #makePlot() {
    const plot = () => this.#plot;
    const figure = this.#figure;
    const options = {
      cursor: { sync: { key: this.sync, scales: ["x", null] }, y: figure.drawBelow !== undefined },
      scales: { x: { time: false, range: () => this.#timeline.range }, ...figure.scales },
      axes: [
        axisOf(plot, { space: 72, size: 24, incrs: [30, 60, 120, 300], values: (drawn, splits) => splits.map((second) => timeLabel(drawn, second)) }),
        axisOf(plot, { scale: "y", side: 1, size: AXIS_WIDTH, ...figure.axis }),
      ],
      series: [{}, ...figure.series(plot)],
      hooks: {
        drawAxes: [(drawn) => {
          figure.drawBelow?.(drawn, this.#timeline, plot().colours);
          hatch(drawn, this.#timeline.gaps, plot().colours.muted);
        }],
      },
    };
    return new Plot(this.#frame.host, options, { onCursor: (index, value) => this.#take(index, value), onSeen: () => this.draw() });
  }

  #take(index, value) {
    if (this.#isHeld) return;
    this.#second = index === null ? null : this.#timeline.series.seconds[index];
    this.#value = value;
    this.#show();
  }

  /** Show the figures at the cursor, without one those of the present. */
  #show() {
    const { samples, range: [first, end] } = this.#timeline;
    const second = this.#second ?? end - 1;
    const sample = this.#timeline.at(second);
    const place = { index: Math.max(0, second - first), count: samples.length };
    if (sample === null) {
      this.#frame.show(samples.length === 0 ? [] : [gapText(second)], place);
      return;
    }
    const parts = this.#figure.readout(sample, this.#second === null ? null : this.#value);
    this.#frame.show([timeText(second), ...parts], place);
  }

  #press({ key, shiftKey }) {
    if (this.#timeline.isEmpty || this.#plot === undefined) return false;
    if (key === "Escape") return this.#release();
    const { range: [first, end] } = this.#timeline;
    const step = shiftKey ? 10 : 1;
    const from = this.#second ?? end;
    const moves = {
      ArrowLeft: from - step, ArrowRight: from + step, PageDown: from - 60, PageUp: from + 60,
      Home: first, End: end - 1, ArrowUp: from, ArrowDown: from,
    };
    if (!(key in moves)) return false;
    this.#isHeld = true;
    this.#second = Math.max(first, Math.min(end - 1, moves[key]));
    const sample = this.#timeline.at(this.#second);
    if (this.#figure.step !== undefined && sample !== null) {
      const direction = { ArrowUp: step, ArrowDown: -step }[key] ?? 0;
      this.#value = this.#figure.step(this.#value, direction, sample);
    }
    this.#point();
    this.#show();
    return true;
  }

  #point() {
    const [first] = this.#timeline.range;
    this.#second = Math.max(first, this.#second);
    this.#plot.point(this.#second, this.#value);
  }

  #release() {
    if (this.#second === null) return false;
    this.#isHeld = false;
    this.#plot.unpoint();
    return true;
  }
}

/** Return the time under an axis; none where it would be cut. */
function timeLabel(drawn, second) {
  const text = timeText(second);
  if (drawn.valToPos(second, "x") < LABEL_ROOM) return "";
  return text.endsWith(":00") ? text.slice(0, 5) : text;
}
