// The depth chart: the cumulative quantity of each side by price.

import { distancePoints } from "../parts/basis_points.js";
import { Pace } from "../parts/pace.js";
import { cumulate, middle } from "./figures.js";
import { Frame } from "./frame.js";
import { Plot, axisOf, stepped } from "./plot.js";
import { TEXTS, axisText, depthSummary, fixed, short } from "./words.js";

const INTERVAL = 250;
// A label nearer to the left edge, in pixels, would be cut.
const LABEL_ROOM = 28;

export class DepthChart {
  #followed;
  #units;
  #frame;
  #pace;
  #plot;
  // The levels of both sides by rising price, and the index of the level at the cursor.
  #levels = [];
  #bids = 0;
  #cursor = null;
  #mid = null;

  constructor(followed, units, painter) {
    this.#followed = followed;
    this.#units = units;
    this.#frame = new Frame({ name: "depth-chart", title: TEXTS.depth, about: TEXTS.depthAbout, onKey: (event) => this.#press(event) });
    this.#pace = new Pace(INTERVAL, painter, () => this.#paint());
  }

  get element() {
    return this.#frame.element;
  }

  /** The shown levels, for tests: `[side, price, cumulative quantity]` by rising price. */
  get shown() {
    return this.#levels.map(({ side, price, qty }) => [side, price, qty]);
  }

  paint() {
    this.#pace.request();
  }

  close() {
    this.#pace.close();
    this.#plot?.close();
  }

  #paint() {
    const { reader: { book }, verdict } = this.#followed;
    if (book === null) {
      this.#frame.note(TEXTS.noBook);
      return;
    }
    this.#plot ??= this.#makePlot();
    if (!this.#plot.isSeen) return;
    this.#take(book);
    const quantities = this.#levels.map(({ qty }) => Number(qty));
    this.#plot.draw([
      this.#levels.map(({ price }) => Number(price)),
      quantities.map((qty, index) => (index < this.#bids ? qty : null)),
      quantities.map((qty, index) => (index < this.#bids ? null : qty)),
    ]);
    this.#frame.note(verdict.doubt === null ? "" : TEXTS.lastKnown);
    this.#show();
    this.#frame.summarize(() => this.#summary(book));
  }

  #take(book) {
    const [bids, asks] = [book.bids, book.asks].map((side) => cumulate(side.best(book.depth)));
    this.#bids = bids.length;
    this.#levels = [
      ...bids.reverse().map((level) => ({ ...level, side: "bid" })),
      ...asks.map((level) => ({ ...level, side: "ask" })),
    ];
    const hasMid = book.bestBid !== undefined && book.bestAsk !== undefined;
    this.#mid = hasMid ? middle(book.bestBid[0], book.bestAsk[0]) : null;
  }

  #makePlot() {
    const plot = () => this.#plot;
    const side = (name, align) => ({
      scale: "y",
      paths: stepped({ align }),
      stroke: () => plot().colours[name],
      fill: () => plot().colours[`${name}-bar`],
      width: 1.5,
      points: { show: false },
    });
    return new Plot(
      this.#frame.host,
      {
        scales: { x: { time: false, range: (_, least, most) => widened(least, most) }, y: { range: (_, _least, most) => [0, 1.08 * (most || 1)] } },
        axes: [
          axisOf(plot, { space: 84, size: 28, values: (drawn, splits, _axis, _space, step) => splits.map((value) => priceLabel(drawn, value, step)) }),
          axisOf(plot, { scale: "y", side: 1, size: 52, values: (_, splits, _axis, _space, step) => splits.map((value) => axisText(value, step)) }),
        ],
        series: [{}, side("bid", -1), side("ask", 1)],
        hooks: { draw: [(drawn) => this.#drawMid(drawn)] },
      },
      {
        onCursor: (index) => {
          this.#cursor = index === null ? null : this.#levels[index] ?? null;
          this.#show();
        },
        onSeen: () => this.paint(),
      },
    );
  }

  #drawMid({ ctx, bbox, valToPos }) {
    if (this.#mid === null) return;
    const left = Math.round(valToPos(Number(this.#mid), "x", true));
    ctx.save();
    ctx.strokeStyle = this.#plot.colours.muted;
    ctx.setLineDash([4, 4]);
    ctx.beginPath();
    ctx.moveTo(left, bbox.top);
    ctx.lineTo(left, bbox.top + bbox.height);
    ctx.stroke();
    ctx.restore();
  }

  /** Show the level at the cursor, at its present quantity; without a cursor the mid. */
  #show() {
    const { base, quote } = this.#units;
    const index = this.#indexOfCursor();
    if (index < 0) {
      if (this.#mid !== null) this.#frame.show([["mid", short(this.#mid)]], { count: this.#levels.length });
      return;
    }
    const { side, price, qty, cost } = this.#levels[index];
    const parts = [[side, price, side], ["sum", `${short(qty)} ${base}`], ["worth", `${short(cost)} ${quote}`]];
    if (this.#mid !== null) parts.push(["from mid", `${distancePoints(price, this.#mid)} bp`]);
    this.#frame.show(parts, { index, count: this.#levels.length });
  }

  /** The levels change under the cursor; it stays at its price. */
  #indexOfCursor() {
    const cursor = this.#cursor;
    if (cursor === null) return -1;
    return this.#levels.findIndex(({ side, price }) => side === cursor.side && price === cursor.price);
  }

  #press({ key, shiftKey }) {
    const count = this.#levels.length;
    if (count === 0 || this.#plot === undefined) return false;
    if (key === "Escape") {
      if (this.#cursor === null) return false;
      this.#plot.unpoint();
      return true;
    }
    const at = this.#indexOfCursor();
    const from = at >= 0 ? at : this.#bids - 1;
    const step = shiftKey ? 10 : 1;
    const moves = {
      ArrowLeft: from - (at < 0 ? 0 : step), ArrowDown: from - (at < 0 ? 0 : step),
      ArrowRight: from + step, ArrowUp: from + step,
      PageDown: from - 10, PageUp: from + 10, Home: 0, End: count - 1,
    };
    if (!(key in moves)) return false;
    const level = this.#levels[Math.max(0, Math.min(count - 1, moves[key]))];
    this.#plot.point(Number(level.price));
    // Two levels may have one pixel; the key has chosen this one.
    this.#cursor = level;
    this.#show();
    return true;
  }

  #summary(book) {
    const [bids, asks] = [this.#levels[0], this.#levels.at(-1)];
    if (this.#bids === 0 || this.#bids === this.#levels.length) return null;
    return depthSummary({ bids, asks, count: book.depth, base: this.#units.base });
  }
}

/** Return a price under the axis; none where it would be cut. */
function priceLabel(drawn, value, step) {
  const left = drawn.valToPos(value, "x");
  return left < LABEL_ROOM || left > drawn.over.clientWidth ? "" : fixed(value, step);
}

/** Return the range of an axis with some room beside its first and last value. */
function widened(least, most) {
  const room = 0.02 * (most - least) || 1;
  return [least - room, most + room];
}
