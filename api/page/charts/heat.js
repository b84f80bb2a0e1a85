// The figure of the heatmap: quantities by time and price as colours, with the mid on them.

import { PROVED_LEVELS } from "../data/rebuild.js";
import { make } from "../parts/dom.js";
import { textOf } from "../parts/exact.js";
import { fullOf, gridOf, stepOf } from "./cells.js";
import { sum } from "./figures.js";
import { HeatImage } from "./image.js";
import { pixelsOf, scaleFor } from "./palette.js";
import { figuresOf, extremesOf } from "./series.js";
import { TEXTS, axisText, fixed, heatSummary, short } from "./words.js";

const LEGEND_STEPS = 64;
// The colours keep their meaning until the quantity of the last one has changed by this much.
const MOST_DRIFT = 1.25;

export class Heat {
  name = "heat-chart";
  title = TEXTS.heat;
  about = TEXTS.heatAbout;
  legend = make("div", "legend");
  scales = { y: { range: () => this.#grid?.edges ?? [0, 1] } };
  axis = { values: (_, splits, _axis, _space, step) => splits.map((value) => fixed(value, step)) };
  #units;
  #grid = null;
  #full = 0;
  #image = new HeatImage();
  #panel = null;
  #scale = null;
  #gradient = make("canvas", "", { width: LEGEND_STEPS, height: 1, "aria-hidden": "true" });
  #most = make("span");

  constructor(units) {
    this.#units = units;
    this.legend.append("0 ", this.#gradient, this.#most);
  }

  series(plot) {
    const line = { scale: "y", points: { show: false } };
    return [
      { ...line, width: 4, stroke: () => plot().colours.panel },
      { ...line, width: 1.75, stroke: () => plot().colours.text },
    ];
  }

  data({ samples, series: { mids } }) {
    this.#grid = gridOf(samples, this.#grid);
    if (this.#grid !== null) this.#rescale(fullOf(samples, this.#grid));
    return [mids, mids];
  }

  drawBelow({ ctx, bbox, valToPos }, { samples, range: [first, end] }, { panel }) {
    if (this.#grid === null) return;
    if (panel !== this.#panel) this.#takeTheme(panel);
    this.#image.update(samples, first, { grid: this.#grid, full: this.#full, scale: this.#scale });
    const [left, right] = [first, end].map((second) => valToPos(second, "x", true));
    const [bottom, top] = this.#grid.edges.map((price) => valToPos(price, "y", true));
    ctx.save();
    ctx.beginPath();
    ctx.rect(bbox.left, bbox.top, bbox.width, bbox.height);
    ctx.clip();
    this.#image.copy(ctx, first, samples.length, { left, top, width: right - left, height: bottom - top });
    ctx.restore();
  }

  /** Return the value of the row that is `direction` rows above that of `value`. */
  step(value, direction, sample) {
    if (this.#grid === null) return value;
    const { rows, low, bin, decimals } = this.#grid;
    const start = value ?? (sample.bids.prices[0] ?? sample.asks.prices[0]);
    const row = Math.max(0, Math.min(rows - 1, this.#grid.rowOf(start) + direction));
    return (low + bin * row + (bin - 1) / 2) / 10 ** decimals;
  }

  readout(sample, value) {
    if (value === null || this.#grid === null) {
      return sample.bids.length > 0 && sample.asks.length > 0 ? [["mid", short(figuresOf(sample).mid)]] : [];
    }
    const row = this.#grid.rowOf(value);
    const found = ["bids", "asks"].map((side) => [side, this.#qtyIn(sample[side], row)]).filter(([, qty]) => qty !== null);
    const prices = this.#pricesOf(row);
    if (found.length === 0) return [prices, this.#isBeyond(sample, row) ? "not verified" : "no order"];
    return [prices, ...found.map(([side, qty]) => [side, `${short(qty)} ${this.#units.base}`, side.slice(0, 3)])];
  }

  summary({ samples, series: { mids } }) {
    const extremes = extremesOf(mids);
    if (extremes === null) return null;
    const [lowest, highest] = extremes.map((index) => figuresOf(samples[index]).mid);
    const start = mids.findIndex((mid) => mid !== null);
    const last = figuresOf(samples[mids.findLastIndex((mid) => mid !== null)]).mid;
    const gaps = samples.slice(start).filter((sample) => sample === null).length;
    return heatSummary({ seconds: samples.length - start, gaps, last, lowest, highest });
  }

  /** Return the exact quantity of the levels in a row, null if there is none. */
  #qtyIn(levels, row) {
    const qtys = levels.best().filter((_, index) => this.#grid.rowOf(levels.prices[index]) === row).map(([, qty]) => qty);
    return qtys.length === 0 ? null : sum(qtys);
  }

  #pricesOf(row) {
    const { bin, decimals } = this.#grid;
    const [first, last] = [this.#grid.tickOf(row), this.#grid.tickOf(row) + bin - 1];
    const text = (tick) => textOf(BigInt(tick), decimals);
    return bin === 1 ? text(first) : `${text(first)} to ${text(last)}`;
  }

  /** Whether a level that is not known may be in a row. */
  #isBeyond({ bids, asks, isWhole }, row) {
    if (isWhole) return false;
    const [low, high] = [bids, asks].map(({ prices }) => this.#grid.rowOf(prices[Math.min(prices.length, PROVED_LEVELS) - 1]));
    return row < low || row > high;
  }

  #rescale(full) {
    if (full > 0 && this.#full > 0 && full < MOST_DRIFT * this.#full && this.#full < MOST_DRIFT * full) return;
    this.#full = full;
    this.#most.textContent = ` ${axisText(full, 10 ** (Math.floor(Math.log10(full)) - 2))} ${this.#units.base}`;
  }

  #takeTheme(panel) {
    this.#panel = panel;
    this.#scale = pixelsOf(scaleFor(panel));
    const context = this.#gradient.getContext("2d");
    const image = context.createImageData(LEGEND_STEPS, 1);
    const pixels = new Uint32Array(image.data.buffer);
    for (let step = 0; step < LEGEND_STEPS; step += 1) pixels[step] = this.#scale[stepOf(step / (LEGEND_STEPS - 1), 1)];
    context.putImageData(image, 0, 0);
  }
}
