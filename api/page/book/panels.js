// The panels of the view of a book: what its slots contain besides the ladder.
//
// A panel is an object with `element`, `paint()` and `close()`. The slots are "charts", beside the
// ladder, and "developer", below both.

import { BookCharts } from "../charts/charts.js";
import { BookHistory } from "../data/history.js";
import { DeveloperPanel } from "../developer/book_panel.js";

/** Return the panels of a book as `[slot, panel]`, in their order.
 *
 * `page` has `followed`, the FollowedBook, and the `painter` and `keys` of the page.
 */
export function panelsOf({ followed, painter, keys }) {
  const history = new BookHistory(followed);
  return [
    ["charts", new BookCharts({ followed, history, painter })],
    ["developer", new DeveloperPanel({ followed, painter, keys })],
  ];
}
