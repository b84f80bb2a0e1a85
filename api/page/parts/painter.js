// Paint changed views, at most once per frame of the screen. Hidden pages have no frames.

import { atOneMoment } from "../data/clock.js";

export class Painter {
  #dirty = new Set();
  #frame = null;

  /** Call `view.paint()` at the next frame. */
  soon(view) {
    this.#dirty.add(view);
    this.#frame ??= requestAnimationFrame(() => this.#paint());
  }

  #paint() {
    const views = this.#dirty;
    this.#dirty = new Set();
    this.#frame = null;
    atOneMoment(() => views.forEach((view) => view.paint()));
  }
}
