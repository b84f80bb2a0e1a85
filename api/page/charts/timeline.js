// What the charts over time share: the samples of a history and their figures, once a second.

import { gapsOf, seriesOf } from "./series.js";
import { beginText, waitingText } from "./words.js";

// The shown time begins with the first sample, on a whole step, and has at least the least length,
// so that a short history fills the charts. In seconds.
const LEAST = 120;
const STEP = 30;

export class Timeline {
  /** One entry for each second, oldest first: a Sample, or null for a gap. */
  samples = [];
  /** The figures of `seriesOf`, for drawing. */
  series = seriesOf([], 0);
  /** The gaps as `[start, end]` in seconds, without the time before the first sample. */
  gaps = [];
  #history;
  #first = 0;

  constructor(history) {
    this.#history = history;
  }

  /** Read the history again. */
  refresh() {
    const all = this.#history.samples();
    const first = this.#history.last === null ? 0 : this.#history.last - all.length + 1;
    const begin = first + Math.max(0, all.findIndex((sample) => sample !== null));
    const latest = first + all.length - LEAST;
    this.#first = Math.max(first, Math.floor(Math.min(begin, latest) / STEP) * STEP);
    this.samples = all.slice(this.#first - first);
    this.series = seriesOf(this.samples, this.#first);
    this.gaps = gapsOf(this.samples).map(([start, end]) => [this.#first + start, this.#first + end + 1]);
  }

  get isEmpty() {
    return this.samples.every((sample) => sample === null);
  }

  /** The seconds of the first entry, and after the last. */
  get range() {
    return [this.#first, this.#first + Math.max(1, this.samples.length)];
  }

  /** Return the entry of a second. */
  at(second) {
    return this.samples[second - this.#first] ?? null;
  }

  /** The sentence over a chart: why it shows nothing, or where it begins. */
  get note() {
    return this.isEmpty ? waitingText(this.#history) : beginText(this.#history, this.samples, this.#first);
  }
}
