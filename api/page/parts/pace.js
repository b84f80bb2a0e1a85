// Paint a part of the page at most once in an interval, with the last state always painted.

import { now } from "../data/clock.js";

export class Pace {
  #interval;
  #painter;
  #view;
  #paintedAt = -Infinity;
  #timer = null;

  /** `paint` is called at most once in `interval` ms, in a frame of `painter`. */
  constructor(interval, painter, paint) {
    this.#interval = interval;
    this.#painter = painter;
    this.#view = {
      paint: () => {
        this.#paintedAt = now();
        paint();
      },
    };
  }

  /** Paint soon; nothing is painted while the page is hidden. */
  request() {
    if (this.#timer !== null) return;
    const rest = Math.max(0, this.#paintedAt + this.#interval - now());
    this.#timer = setTimeout(() => {
      this.#timer = null;
      this.#painter.soon(this.#view);
    }, rest);
  }

  close() {
    clearTimeout(this.#timer);
    // A frame that is due already must not paint any more.
    this.#view.paint = () => {};
  }
}
