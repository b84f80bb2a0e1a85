// A drawing by uPlot that follows the size of its element, the theme, and its visibility.

import uPlot from "../vendor/uplot/uPlot.esm.js";
import { themeColours } from "./palette.js";

const HATCH = 6;
// A drawing is ready shortly before it comes into view.
const MARGIN = "200px";
const LIGHT = matchMedia("(prefers-color-scheme: light)");

export const { stepped, linear } = { stepped: uPlot.paths.stepped, linear: uPlot.paths.linear };

export class Plot {
  /** The colours of the present theme. */
  colours;
  #host;
  #plot;
  #observer;
  #isSeen = true;
  #sight;
  #onCursor;
  #retheme = () => {
    this.colours = themeColours();
    this.#plot?.redraw(false);
  };

  /** Draw into `host`.
   *
   * `options` are uPlot's, without size, in which colours are functions. `onCursor` is called when
   * the cursor has moved, with the index of its point and the value on the vertical axis, both
   * null if there is no cursor; `onSeen` when the drawing comes into view.
   */
  constructor(host, options, { onCursor, onSeen }) {
    this.#host = host;
    this.#onCursor = onCursor;
    this.colours = themeColours();
    this.#plot = new uPlot(
      {
        legend: { show: false },
        padding: [8, null, 0, 0],
        ...options,
        ...sizeOf(host),
        cursor: { drag: { x: false, y: false }, points: { show: false }, ...options.cursor },
        hooks: { ...options.hooks, setCursor: [() => this.#tell()] },
      },
      options.series.map(() => []),
      host,
    );
    this.#observer = new ResizeObserver(() => this.#resize());
    this.#observer.observe(host);
    this.#sight = new IntersectionObserver((entries) => {
      const wasSeen = this.#isSeen;
      this.#isSeen = entries.at(-1).isIntersecting;
      if (this.#isSeen && !wasSeen) onSeen();
    }, { rootMargin: MARGIN });
    this.#sight.observe(host);
    window.addEventListener("themechange", this.#retheme);
    LIGHT.addEventListener("change", this.#retheme);
  }

  /** Whether the drawing is in the visible part of the page; otherwise nothing is drawn. */
  get isSeen() {
    return this.#isSeen;
  }

  /** Draw other data. */
  draw(data) {
    this.#plot.setData(data);
  }

  /** Move the cursor to a value on each axis; `y` may be null for the middle. */
  point(x, y = null) {
    const plot = this.#plot;
    const left = plot.valToPos(x, "x");
    const top = y === null ? plot.over.clientHeight / 2 : plot.valToPos(y, "y");
    plot.setCursor({ left, top });
  }

  /** Remove the cursor. */
  unpoint() {
    this.#plot.setCursor({ left: -10, top: -10 });
  }

  close() {
    this.#observer.disconnect();
    this.#sight.disconnect();
    window.removeEventListener("themechange", this.#retheme);
    LIGHT.removeEventListener("change", this.#retheme);
    this.#plot.destroy();
  }

  #tell() {
    const { idx, top } = this.#plot?.cursor ?? {};
    if (idx === null || idx === undefined || top < 0) this.#onCursor(null, null);
    else this.#onCursor(idx, this.#plot.posToVal(top, "y"));
  }

  #resize() {
    const size = sizeOf(this.#host);
    if (size.width > 0 && (size.width !== this.#plot.width || size.height !== this.#plot.height)) {
      this.#plot.setSize(size);
    }
  }
}

/** Return an axis with the colours of the theme, which `plot()` returns. */
export function axisOf(plot, changes) {
  return {
    stroke: () => plot().colours.muted,
    grid: { stroke: () => plot().colours.line, width: 1 },
    ticks: { show: false },
    font: "11px ui-monospace, Menlo, Consolas, monospace",
    gap: 6,
    ...changes,
  };
}

/** Hatch parts of the horizontal axis, given as pairs of values, over the whole height. */
export function hatch(plot, parts, colour) {
  const { ctx, bbox } = plot;
  ctx.save();
  ctx.beginPath();
  for (const [start, end] of parts) {
    const [left, right] = [start, end].map((value) => plot.valToPos(value, "x", true));
    ctx.rect(left, bbox.top, Math.max(1, right - left), bbox.height);
  }
  ctx.clip();
  ctx.strokeStyle = colour;
  ctx.lineWidth = uPlot.pxRatio;
  ctx.beginPath();
  const step = HATCH * uPlot.pxRatio;
  for (let left = bbox.left - bbox.height; left < bbox.left + bbox.width; left += step) {
    ctx.moveTo(left, bbox.top + bbox.height);
    ctx.lineTo(left + bbox.height, bbox.top);
  }
  ctx.stroke();
  ctx.restore();
}

function sizeOf(host) {
  return { width: host.clientWidth, height: host.clientHeight };
}
