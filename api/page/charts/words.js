// The texts of the charts.

import { splitZeros } from "../parts/decimal.js";

/** Return a decimal without the zeros that only show the precision. */
export function short(text) {
  return splitZeros(text)[0];
}

/** Return a time of day in the visitor's time zone. */
export function timeText(second) {
  const time = new Date(1000 * second);
  return [time.getHours(), time.getMinutes(), time.getSeconds()].map((part) => String(part).padStart(2, "0")).join(":");
}

/** Return a number for an axis: short, and with as many decimals as the step between two needs. */
export function axisText(value, step) {
  for (const [unit, letter] of [[1e9, "G"], [1e6, "M"], [1e3, "k"]]) {
    if (step >= unit / 10 && Math.abs(value) >= unit) return `${fixed(value / unit, step / unit)}${letter}`;
  }
  return fixed(value, step);
}

/** Return a number with the decimals that the step between two needs. */
export function fixed(value, step) {
  let decimals = Math.min(12, Math.max(0, Math.ceil(-Math.log10(step) - 1e-9)));
  // Steps such as 2.5 need one more.
  if (Math.abs(step * 10 ** decimals - Math.round(step * 10 ** decimals)) > 1e-6) decimals += 1;
  const text = value.toFixed(decimals);
  return text.replace(/^-(0(\.0*)?)$/, "$1");
}

/** Return the sentence of a chart over time that has nothing to show yet. */
export function waitingText({ isFilling, failure }) {
  if (isFilling) return "Loading the last ten minutes…";
  if (failure !== null) return `The past could not be loaded: ${failure}. The chart begins now.`;
  return "Waiting for a verified book…";
}

/** Return the sentence about where the samples of a history begin. */
export function beginText({ failure }, samples, first) {
  const begin = samples.findIndex((sample) => sample !== null);
  if (begin < 0) return "";
  const whole = samples.findLastIndex((sample) => sample?.isWhole === false) + 1;
  const deep = whole === 0 ? "" : ` Before ${timeText(first + whole)}, levels beyond the tenth may be missing.`;
  const since = `Verified since ${timeText(first + begin)}.${deep}`;
  return failure === null ? since : `${since} The past could not be loaded: ${failure}.`;
}

/** Return a gap as a text. */
export function gapText(second) {
  return `${timeText(second)}: no verified book`;
}

function duration(seconds) {
  if (seconds < 120) return `${seconds} seconds`;
  return `${Math.round(seconds / 60)} minutes`;
}

/** Return the summary of the heatmap; figures are those of the first, last, lowest and highest mid. */
export function heatSummary({ seconds, gaps, last, lowest, highest }) {
  const moved = `In the last ${duration(seconds)}, the mid was between ${short(lowest)} and ${short(highest)}. It is now ${short(last)}.`;
  return gaps === 0 ? moved : `${moved} ${duration(gaps)} have no verified book.`;
}

/** Return the summary of the spread over time. */
export function spreadSummary({ last, least, most }) {
  const text = ({ spread, points }) => `${short(spread)} (${points} basis points)`;
  return `The spread is ${text(last)}. It was between ${text(least)} and ${text(most)}.`;
}

/** Return the summary of the imbalance over time. */
export function imbalanceSummary({ last, least, most }) {
  return `The imbalance of the best ten levels is ${last} %: ${leaning(last)}. It was between ${least} and ${most} %.`;
}

/** Return in words what an imbalance in percent means. */
export function leaning(percent) {
  const value = Number(percent);
  if (Math.abs(value) < 5) return "both sides are about equal";
  return value > 0 ? "more bids than asks" : "more asks than bids";
}

/** Return the summary of the depth chart; each side is the last entry of its cumulated levels. */
export function depthSummary({ bids, asks, count, base }) {
  const side = (name, { price, qty }) => `${name} add up to ${short(qty)} ${base} until ${price}`;
  return `${count} levels of each side at most. ${side("Bids", bids)}. ${side("Asks", asks)}.`;
}

/** Return why an order is not filled. */
export function shortageText({ filled, unfilled }, { unit }, { base, quote }, levels) {
  const rest = `${short(unfilled)} ${unit === "base" ? base : quote}`;
  return `Not enough depth in the window: its ${levels} levels have ${short(filled)} ${base}, and ${rest} is left. The venue may have more.`;
}

export const TEXTS = Object.freeze({
  heat: "Book over time",
  heatAbout: "Heatmap of the book over the last ten minutes: arrow keys left and right move through time, up and down through prices",
  spread: "Spread",
  spreadAbout: "Spread over the last ten minutes: arrow keys move through time",
  imbalance: "Imbalance",
  imbalanceAbout: "Imbalance of the best ten levels over the last ten minutes: arrow keys move through time",
  depth: "Depth",
  depthAbout: "Cumulative quantity by price: arrow keys move from level to level",
  cost: "Cost to fill",
  amountFault: "Write an amount above zero with digits and a point, such as 2.5.",
  lastKnown: "Last known book, not live",
  noBook: "Waiting for a verified book…",
  tooSmall: "The amount is less than one lot.",
});
