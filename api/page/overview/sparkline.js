// A small line of the mid over the last minutes.

import { SPAN } from "../data/poll_history.js";

// The line fills the width after one minute, and has the whole span after five.
const SHORTEST = 60_000;
// Between responses that are further apart, the line is interrupted.
const GAP = 7000;
const PADDING = 2;

/** Return the points of the line as runs of `[x, y]`, one for each part without a gap.
 *
 * `samples` are those of PollHistory.mids; the newest is at the right edge.
 */
export function sparklineRuns(samples, width, height) {
  const mids = samples.map(([, mid]) => mid).filter(Number.isFinite);
  if (mids.length === 0) return [];
  const [low, high] = [Math.min(...mids), Math.max(...mids)];
  const newest = samples.at(-1)[0];
  const span = Math.min(SPAN, Math.max(SHORTEST, newest - samples[0][0]));
  const x = (time) => width - PADDING - ((newest - time) / span) * (width - 2 * PADDING);
  const y = (mid) => (high === low ? height / 2 : PADDING + ((high - mid) / (high - low)) * (height - 2 * PADDING));
  return runsOf(samples).map((run) => run.map(([time, mid]) => [x(time), y(mid)]));
}

/** Draws sparklines of one size. It reads size and colours of the style sheet once, because each
 *  reading makes the browser compute the layout of all rows. */
export class SparklinePen {
  #width;
  #height;
  #scale = devicePixelRatio;
  #colours;

  /** `canvas` is one of the canvases; all have its size. */
  constructor(canvas) {
    this.#width = canvas.clientWidth;
    this.#height = canvas.clientHeight;
    const style = getComputedStyle(canvas);
    this.#colours = new Map([
      [1, style.getPropertyValue("--risen")],
      [0, style.color],
      [-1, style.getPropertyValue("--fallen")],
    ]);
  }

  /** What the drawing depends on beside the samples, as text. */
  get style() {
    return [this.#width, this.#height, this.#scale, ...this.#colours.values()].join(" ");
  }

  /** Draw the samples; `sign` is 1 for a mid that has risen, -1 for one that has fallen, otherwise 0. */
  draw(canvas, samples, sign) {
    const [width, height] = [this.#width * this.#scale, this.#height * this.#scale].map(Math.round);
    // Setting even the same size would take time.
    if (canvas.width !== width) canvas.width = width;
    if (canvas.height !== height) canvas.height = height;
    const context = canvas.getContext("2d");
    context.setTransform(this.#scale, 0, 0, this.#scale, 0, 0);
    context.clearRect(0, 0, this.#width, this.#height);
    context.strokeStyle = context.fillStyle = this.#colours.get(sign);
    context.lineWidth = 1.25;
    context.lineJoin = "round";
    for (const run of sparklineRuns(samples, this.#width, this.#height)) drawRun(context, run);
  }
}

function drawRun(context, run) {
  context.beginPath();
  if (run.length === 1) {
    context.arc(...run[0], 1, 0, 2 * Math.PI);
    context.fill();
    return;
  }
  for (const point of run) context.lineTo(...point);
  context.stroke();
}

function runsOf(samples) {
  const runs = [];
  let last = null;
  for (const sample of samples) {
    if (Number.isFinite(sample[1])) {
      if (last === null || sample[0] - last > GAP) runs.push([]);
      runs.at(-1).push(sample);
      last = sample[0];
    } else {
      last = null;
    }
  }
  return runs;
}
