// Which rows of a long list are in view. All rows have one height.

// Rows that are rendered above and below those in view, so that scrolling shows no empty place.
const OVERSCAN = 4;

/** Return the first row to render and the one after the last.
 *
 * `top` is the scrolled distance, `height` that of the visible part, `rowHeight` that of a row, all
 * in pixels; `count` is the number of rows.
 */
export function rowsInView({ top, height, rowHeight, count }) {
  if (!(rowHeight > 0)) return { first: 0, end: Math.min(count, OVERSCAN) };
  const first = Math.floor(top / rowHeight) - OVERSCAN;
  const end = Math.ceil((top + height) / rowHeight) + OVERSCAN;
  return { first: Math.min(Math.max(first, 0), count), end: Math.min(Math.max(end, 0), count) };
}

/** Return the scrolled distance at which row `index` is completely in view, the smallest change. */
export function scrolledTo(index, { top, height, rowHeight }) {
  const start = index * rowHeight;
  if (start < top) return start;
  return Math.max(top, start + rowHeight - height);
}
