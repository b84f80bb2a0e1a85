// Whether a followed book may be shown as right. Whatever speaks against it wins.

import { Standing } from "./reader.js";
import { connectionText, lagText, standingText, statusText } from "./words.js";

// Without a word from the server for this time, in ms, nothing is known.
const MOST_SILENCE = 10_000;
const NO_BOOK_YET = "no book yet";

/** The verdict on a book: its status, and a doubt (a word, and why in sentences) unless it is right.
 *
 * `connection` is what the stream does, `polled` the book as /books told it last, `isPolledLater`
 * whether that is later than what the stream said, `silence` for how long neither said anything.
 */
export function judge(reader, { connection, polled, isPolledLater, silence }) {
  if (isPolledLater && polled.status === "refused") return told(polled);
  if (reader.isBroken) return standing(reader.standing);
  if (connection !== "open") return doubt("syncing", connection, connectionText(connection));
  if (reader.told.status !== "live") return told(withCause(reader.told, isPolledLater ? polled : null));
  if (isPolledLater && polled.status !== "live") return told(polled);
  if (silence > MOST_SILENCE) return doubt("stale", "unheard", connectionText("unheard"));
  if (reader.standing === Standing.VERIFIED) return { status: "live", doubt: null, why: "" };
  if (reader.standing === Standing.LAGGED) return doubt("syncing", reader.standing, lagText(reader.lagReason));
  return standing(reader.standing);
}

/** What the stream said; if it only said that there is no book yet, with the reason of /books. */
function withCause(said, polled) {
  const hasCause = said.reason === NO_BOOK_YET && polled?.status !== "live" && polled?.reason;
  return hasCause ? { status: said.status, reason: polled.reason } : said;
}

function standing(word) {
  return doubt("syncing", word, standingText(word));
}

function told({ status, reason }) {
  return doubt(status, status, statusText(status, reason));
}

function doubt(status, word, why) {
  return { status, doubt: word, why };
}
