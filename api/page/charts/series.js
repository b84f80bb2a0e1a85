// Figures of samples over time: rounded numbers for drawing, exact texts for readers.

import { difference } from "../kraken-book.js";
import { spreadPoints } from "../parts/basis_points.js";
import { NOTHING } from "../parts/texts.js";
import { imbalance, middle } from "./figures.js";

/** The levels of each side whose quantities are weighed: those that the checksum covers. */
export const WEIGHED = 10;

/** Return the numbers of samples, one for each second from `first`; null is a gap. */
export function seriesOf(samples, first) {
  return {
    seconds: samples.map((_, index) => first + index),
    mids: samples.map(ofBoth(({ bids, asks }) => (bids.prices[0] + asks.prices[0]) / 2)),
    spreads: samples.map(ofBoth(({ bids, asks }) => asks.prices[0] - bids.prices[0])),
    imbalances: samples.map(ofBoth(({ bids, asks }) => balance(bids.qtys, asks.qtys))),
  };
}

/** Return the exact figures of a book with both sides: `{mid, spread, points, imbalance}`. */
export function figuresOf({ bids, asks }) {
  const [[bid], [ask]] = [bids.at(0), asks.at(0)];
  return {
    mid: middle(bid, ask),
    spread: difference(ask, bid),
    points: spreadPoints(bid, ask) ?? NOTHING,
    imbalance: imbalance(bids.best(WEIGHED), asks.best(WEIGHED)),
  };
}

/** Return the runs of nulls as `[first, last]` indexes, without those before the first value. */
export function gapsOf(values) {
  const gaps = [];
  let start = values.findIndex((value) => value !== null);
  if (start < 0) return gaps;
  for (let index = start; index < values.length; index += 1) {
    if (values[index] !== null) start = index + 1;
    else if (values[index + 1] !== null) gaps.push([start, index]);
  }
  return gaps;
}

/** Return the indexes of the least and the greatest value, null without any. */
export function extremesOf(values) {
  let [least, most] = [null, null];
  values.forEach((value, index) => {
    if (value === null) return;
    if (least === null || value < values[least]) least = index;
    if (most === null || value > values[most]) most = index;
  });
  return least === null ? null : [least, most];
}

function ofBoth(figure) {
  return (sample) => (sample !== null && sample.bids.length > 0 && sample.asks.length > 0 ? figure(sample) : null);
}

function balance(bids, asks) {
  const [bid, ask] = [bids, asks].map((qtys) => qtys.subarray(0, WEIGHED).reduce((total, qty) => total + qty, 0));
  return (100 * (bid - ask)) / (bid + ask);
}
