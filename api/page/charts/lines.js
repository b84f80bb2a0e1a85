// The figures of the spread and of the imbalance over time.

import { extremesOf, figuresOf } from "./series.js";
import { stepped } from "./plot.js";
import { TEXTS, axisText, imbalanceSummary, leaning, short, spreadSummary } from "./words.js";

const LINE = { scale: "y", paths: stepped({ align: 1 }), points: { show: false }, width: 1.25 };

export const SPREAD = Object.freeze({
  name: "spread-chart",
  title: TEXTS.spread,
  about: TEXTS.spreadAbout,
  scales: { y: { range: (_, _least, most) => [0, 1.15 * (most || 1)] } },
  axis: { space: 34, values: (drawn, splits, _axis, _space, step) => splits.map((value) => spreadText(value, step, drawn.data[2])) },
  series: (plot) => [
    { ...LINE, stroke: () => plot().colours.text, fill: () => plot().colours.line },
    // Not drawn: the axis needs a mid for its basis points.
    { show: false, scale: "y" },
  ],
  data: ({ series }) => [series.spreads, series.mids],
  readout(sample) {
    const { spread, points } = figuresOf(sample);
    return [["spread", short(spread)], ["", `${points} bp`]];
  },
  summary: (timeline) => summaryOf(timeline, timeline.series.spreads, spreadSummary),
});

export const IMBALANCE = Object.freeze({
  name: "imbalance-chart",
  title: TEXTS.imbalance,
  about: TEXTS.imbalanceAbout,
  scales: { y: { range: [-100, 100] } },
  axis: { splits: [-100, -50, 0, 50, 100], space: 12, values: (_, splits) => splits.map((value) => (value % 100 === 0 ? `${value} %` : "")) },
  series: (plot) => ["bid", "ask"].map((name) => ({
    ...LINE,
    stroke: () => plot().colours[name],
    fill: () => plot().colours[`${name}-bar`],
    fillTo: 0,
  })),
  data: ({ series: { imbalances } }) => [
    imbalances.map((value) => (value === null ? null : Math.max(0, value))),
    imbalances.map((value) => (value === null ? null : Math.min(0, value))),
  ],
  readout(sample) {
    const { imbalance } = figuresOf(sample);
    return [["", `${imbalance} %`], leaning(imbalance)];
  },
  summary: (timeline) =>
    summaryOf(timeline, timeline.series.imbalances, ({ last, least, most }) =>
      imbalanceSummary({ last: last.imbalance, least: least.imbalance, most: most.imbalance })),
});

/** Return a spread for the axis, with its basis points of the last mid below. */
function spreadText(value, step, mids) {
  const mid = mids.findLast((each) => each !== null);
  const text = axisText(value, step);
  if (value === 0 || mid === undefined) return text;
  return `${text}\n${axisText((10_000 * value) / mid, (10_000 * step) / mid)} bp`;
}

function summaryOf({ samples }, values, text) {
  const extremes = extremesOf(values);
  const last = samples.findLast((sample, index) => values[index] !== null);
  if (extremes === null) return null;
  const [least, most] = extremes.map((index) => figuresOf(samples[index]));
  return text({ last: figuresOf(last), least, most });
}
