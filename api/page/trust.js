// Whether a followed book may be shown as right. Whatever speaks against it wins.

import { Standing } from "./reader.js";

const STANDINGS = {
  [Standing.WAITING]: "Waiting for the book…",
  [Standing.UNVERIFIED]: "Not verified: it came without a checksum",
  [Standing.SYNCING]: "Syncing: waiting for the next snapshot…",
  [Standing.LAGGED]: "This reader fell behind: waiting for a snapshot…",
  [Standing.MISMATCH]: "Checksum mismatch: asking for the book again…",
  [Standing.CROSSED]: "Crossed book: asking for it again…",
  [Standing.SENSELESS]: "A level that makes no sense: asking for the book again…",
  [Standing.GAP]: "Events are missing: asking for the book again…",
};

const CONNECTIONS = {
  opening: "Opening the stream…",
  interrupted: "The stream was interrupted: reconnecting…",
  behind: "This stream fell behind: asking for the book again…",
};

// The api's reason for `stale`, which says no more than the status.
const TOO_OLD = "age";

// How a status is told, and the reason that stands where none was given.
const STATUSES = {
  asked: ["Asked for", "Kraken has not answered yet"],
  syncing: ["Syncing", "waiting for a snapshot"],
  stale: ["Stale", "not known to match Kraken now"],
  refused: ["Refused", "Kraken does not serve this symbol"],
};

/** The verdict on a book: its status, and a doubt (a word and a sentence) unless it is right.
 *
 * `polled` is the book as /books told it last, `answering` whether the last poll was answered.
 */
export function judge(reader, connection, polled, answering) {
  if (!answering) return doubt("stale", "unreachable", "Last known book: whether it still holds cannot be asked");
  if (polled.status === "refused") return told(polled);
  if (reader.isBroken) return doubt("syncing", reader.standing, STANDINGS[reader.standing]);
  if (connection !== "open") return doubt("syncing", connection, CONNECTIONS[connection]);
  if (reader.told.status !== "live") return told(reader.told);
  if (polled.status !== "live") return told(polled);
  if (reader.standing === Standing.VERIFIED) return { status: "live", doubt: null, why: "" };
  return doubt("syncing", reader.standing, STANDINGS[reader.standing]);
}

function told({ status, reason }) {
  const [word, otherwise] = STATUSES[status];
  const known = reason !== null && reason !== TOO_OLD;
  return doubt(status, status, `${word}: ${known ? reason : otherwise}`);
}

function doubt(status, word, why) {
  return { status, doubt: word, why };
}
