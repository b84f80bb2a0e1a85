// The cells of the heatmap: one column a second, one row for each price or some ticks of it.

import { decimalsOf } from "../parts/exact.js";

// Of a deep and thin window only this many times the distance of the tenth level is drawn.
const MOST_SPAN = 6;
const TENTH = 9;
// A range is kept while it is not this many times as high as necessary.
const SLACK = 1.6;
const MOST_ROWS = 240;
const MOST_WEIGHED = 30;

/** The rows of a heatmap. Prices are whole ticks: units of the last decimal. */
export class Grid {
  /** `low` is the first tick of the lowest row; each row has `bin` ticks. */
  constructor(decimals, low, bin, rows) {
    Object.assign(this, { decimals, low, bin, rows });
  }

  /** The tick above the highest row. */
  get end() {
    return this.low + this.bin * this.rows;
  }

  /** Return the row of a price, which may be outside of the grid. */
  rowOf(price) {
    return Math.floor((Math.round(price * 10 ** this.decimals) - this.low) / this.bin);
  }

  /** Return the first tick of a row. */
  tickOf(row) {
    return this.low + this.bin * row;
  }

  /** The prices at the lower and the upper edge; a tick is in the middle of its place. */
  get edges() {
    return [this.low - 0.5, this.end - 0.5].map((tick) => tick / 10 ** this.decimals);
  }
}

/** Return the grid of samples (null is a gap): `last` if it still fits, null without a level. */
export function gridOf(samples, last = null) {
  const range = rangeOf(samples);
  if (range === null) return null;
  const { decimals, low, high } = range;
  const fits = last !== null && last.decimals === decimals && last.low <= low && last.end > high;
  if (fits && last.end - last.low <= SLACK * (high - low + 1) + 8) return last;
  const bin = Math.ceil((high - low + 1) / (0.9 * MOST_ROWS));
  // Some room, so that the grid lasts.
  const room = Math.max(bin, Math.ceil(0.05 * (high - low)));
  const first = Math.floor((low - room) / bin) * bin;
  return new Grid(decimals, first, bin, Math.ceil((high + room + 1 - first) / bin));
}

/** Return the sum of the quantities in each row at a sample, from the lowest row. */
export function columnOf({ bids, asks }, grid) {
  const column = new Float64Array(grid.rows);
  const perTick = 10 ** grid.decimals;
  for (const { prices, qtys } of [bids, asks]) {
    for (let level = 0; level < prices.length; level += 1) {
      const row = Math.floor((Math.round(prices[level] * perTick) - grid.low) / grid.bin);
      if (row >= 0 && row < grid.rows) column[row] += qtys[level];
    }
  }
  return column;
}

/** Return the quantity that gets the last colour: 98 of 100 cells with levels have at most that. Some
 *  of the samples represent all.
 */
export function fullOf(samples, grid) {
  const known = samples.filter((sample) => sample !== null);
  const step = Math.max(1, Math.floor(known.length / MOST_WEIGHED));
  const qtys = known.filter((_, index) => index % step === 0).flatMap((sample) => [...columnOf(sample, grid)]);
  const filled = Float64Array.from(qtys.filter((qty) => qty > 0)).sort();
  return filled.length === 0 ? 0 : filled[Math.floor(0.98 * (filled.length - 1))];
}

/** Return the step of a quantity in the scale. Its square root is shown, because quantities differ
 *  by powers of ten.
 */
export function stepOf(qty, full) {
  if (qty <= 0) return 0;
  return 1 + Math.round(254 * Math.min(1, Math.sqrt(qty / full)));
}

function rangeOf(samples) {
  const ranges = samples.filter((sample) => sample !== null && hasSides(sample)).map(distancesOf);
  if (ranges.length === 0) return null;
  const decimals = Math.max(...ranges.map((range) => range.decimals));
  const reach = high(ranges.map(({ edge, tenth }) => Math.min(edge, MOST_SPAN * tenth)));
  const mids = ranges.map(({ mid }) => mid);
  const [low, top] = [Math.min(...mids) - reach, Math.max(...mids) + reach];
  const scale = 10 ** decimals;
  return { decimals, low: Math.max(0, Math.floor(low * scale)), high: Math.ceil(top * scale) };
}

function hasSides({ bids, asks }) {
  return bids.length > 0 && asks.length > 0;
}

function distancesOf({ bids, asks }) {
  const mid = (bids.prices[0] + asks.prices[0]) / 2;
  const far = (index) => {
    const [bid, ask] = [bids, asks].map(({ prices }) => prices[Math.min(index, prices.length - 1)]);
    return Math.max(mid - bid, ask - mid);
  };
  return { mid, edge: far(Infinity), tenth: far(TENTH), decimals: decimalsOf(bids.at(0)[0]) };
}

/** Return the value that nine of ten do not exceed. */
function high(values) {
  return Float64Array.from(values).sort()[Math.floor(0.9 * (values.length - 1))];
}
