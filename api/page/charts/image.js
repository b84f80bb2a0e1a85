// The image of the heatmap: one column of pixels for each second, in a ring, so that each second
// only its own column is drawn.

import { SECONDS } from "../data/samples.js";
import { columnOf, stepOf } from "./cells.js";

export class HeatImage {
  #canvas = document.createElement("canvas");
  #context = this.#canvas.getContext("2d");
  // The samples of the drawn columns; null is an empty column.
  #drawn = new Array(SECONDS).fill(null);
  #key = {};
  #column = null;

  /** Draw the columns that differ from `samples`, whose first is that of the second `first`. */
  update(samples, first, { grid, full, scale }) {
    const isSame = this.#key.grid === grid && this.#key.full === full && this.#key.scale === scale;
    if (!isSame) this.#begin({ grid, full, scale });
    samples.forEach((sample, index) => {
      const column = (first + index) % SECONDS;
      if (this.#drawn[column] === sample) return;
      this.#drawn[column] = sample;
      this.#drawColumn(column, sample);
    });
  }

  /** Draw `count` seconds from `first` on into another context, in a rectangle. */
  copy(context, first, count, { left, top, width, height }) {
    const start = first % SECONDS;
    const head = Math.min(count, SECONDS - start);
    const each = width / count;
    // Smoothing only shrinks: columns that are wider than pixels keep their edges.
    context.imageSmoothingEnabled = each < 1;
    const { height: rows } = this.#canvas;
    context.drawImage(this.#canvas, start, 0, head, rows, left, top, head * each, height);
    if (head < count) {
      context.drawImage(this.#canvas, 0, 0, count - head, rows, left + head * each, top, (count - head) * each, height);
    }
  }

  #begin(key) {
    this.#key = key;
    this.#canvas.width = SECONDS;
    this.#canvas.height = key.grid.rows;
    this.#drawn.fill(null);
    this.#column = this.#context.createImageData(1, key.grid.rows);
  }

  #drawColumn(column, sample) {
    const { grid, full, scale } = this.#key;
    const pixels = new Uint32Array(this.#column.data.buffer);
    pixels.fill(0);
    if (sample !== null) {
      columnOf(sample, grid).forEach((qty, row) => {
        pixels[grid.rows - 1 - row] = scale[stepOf(qty, full)];
      });
    }
    this.#context.putImageData(this.#column, column, 0);
  }
}
