// Decide whether a followed book may be shown as live. Any doubt prevails.

import { State } from "../kraken-book.js";
import { venueOf } from "./selection.js";
import { connectionText, lagText, stateText, statusText } from "../parts/words.js";

// After this silence of the server, in ms, no book counts as live.
const MOST_SILENCE = 10_000;
const NO_BOOK_YET = "no book yet";

/** Return the verdict on a book: its status and, unless it is live, a doubt and its explanation.
 *
 * `connection` is the state of the stream, `polled` the book in the last response of /books,
 * `isPolledLater` whether that is later than the stream's last news, and `silence` the time since
 * the last event or response.
 */
export function judge(reader, { connection, polled, isPolledLater, silence }) {
  const venue = venueOf(polled.symbol);
  if (isPolledLater && polled.status === "refused") return told(polled, venue);
  if (reader.isBroken) return broken(reader.state);
  if (connection !== "open") return doubt("syncing", connection, connectionText(connection));
  if (reader.lastStatus.status !== "live") {
    return told(withCause(reader.lastStatus, isPolledLater ? polled : null), venue);
  }
  if (isPolledLater && polled.status !== "live") return told(polled, venue);
  if (silence > MOST_SILENCE) return doubt("stale", "unheard", connectionText("unheard"));
  if (reader.state === State.VERIFIED) return { status: "live", doubt: null, why: "" };
  if (reader.state === State.LAGGED) return doubt("syncing", reader.state, lagText(reader.lagReason));
  return broken(reader.state);
}

/** Return the stream's status; if its reason is `no book yet`, with the reason of /books. */
function withCause(said, polled) {
  const hasCause = said.reason === NO_BOOK_YET && polled?.status !== "live" && polled?.reason;
  return hasCause ? { status: said.status, reason: polled.reason } : said;
}

function broken(word) {
  return doubt("syncing", word, stateText(word));
}

function told({ status, reason }, venue) {
  return doubt(status, status, statusText(status, reason, venue));
}

function doubt(status, word, why) {
  return { status, doubt: word, why };
}
