// The texts of the view of a book.

import { clean, quoted, venueTitle } from "../parts/words.js";

const CONNECTIONS = new Map([
  ["opening", "opening"],
  ["blocked", "does not open"],
  ["open", "open"],
  ["interrupted", "interrupted, reconnecting"],
  ["resumed", "resumed, catching up"],
  ["behind", "behind, opening again"],
]);

const PROOFS = new Map([
  ["checksum", "venue's checksum"],
  ["sequence", "venue's sequence"],
  ["sequence+checksum", "venue's sequence and checksum"],
]);

/** What the collector has compared; Kraken stands for the venue. */
const COLLECTOR = new Map([
  ["checksum", "Kraken sends a checksum with each change. The collector compared it with its own copy of the book before it published the change, and the checksum above is Kraken's. So Kraken, the collector and this browser have computed the same number, each from its own copy."],
  ["sequence", "Kraken sends no checksum, but numbers its changes. The collector began with a whole book, and applied every numbered change without a gap. It computed the checksum above from its own copy of the book. So the comparison here proves the way from the collector to this browser, and the numbers prove the way from Kraken to the collector."],
  ["sequence+checksum", "Kraken numbers its changes, and sends a checksum in a form of its own. The collector checked both: no number was missing, and its copy of the book had that checksum. It computed the checksum above from the same copy. So the comparison here proves the way from the collector to this browser."],
]);
const UNKNOWN_COLLECTOR = "The server does not say how its collector proved this book against Kraken. The comparison here proves the way from the collector to this browser.";

export function connectionWords(connection) {
  return CONNECTIONS.get(connection) ?? clean(connection);
}

export function eventsWords(count) {
  return `${count.toLocaleString("en")} ${count === 1 ? "event" : "events"}`;
}

export function proofWords(proof) {
  return proof === null ? "unknown" : PROOFS.get(proof) ?? clean(proof);
}

/** Return the words for the source of a book, and the kind of their shape. */
export function sourceWords(source, venue) {
  if (source === venue) return [venueTitle(venue), "plain"];
  if (source === "simulated") return [`simulated, not ${venueTitle(venue)}`, "notice"];
  if (source === "replay") return ["replay of a recording", "notice"];
  return [source === null ? "not known yet" : clean(source), "notice"];
}

/** Return the text of a size of groups, such as "×10 (1.0)". */
export function groupText(size, step) {
  return `tick ×${size} (${step})`;
}

/** Return the explanation of the mark at a group that may not be whole. */
export function cutText(depth) {
  return `+ The best ${depth} levels of this side end within this group, so it may have more.`;
}

/** Return what screen readers hear when the status of a book changes. */
export function newsText(symbol, { doubt, status, why }) {
  if (doubt === null) return `${clean(symbol)} is live and verified.`;
  return `${clean(symbol)} is ${clean(status)}. ${why}`;
}

export function unknownText(name) {
  return `There is no book ${quoted(name)}. The symbol may be misspelled, or no collector follows it.`;
}

/** Return how the collector proved a book of a venue. */
export function collectorText(proof, venue) {
  return (COLLECTOR.get(proof) ?? UNKNOWN_COLLECTOR).replaceAll("Kraken", venueTitle(venue));
}

/** Return what a source other than the venue means for the proof; empty for the venue. */
export function sourceNote(source, venue) {
  if (source === "simulated") {
    return `The book is simulated: a simulator plays the part of ${venueTitle(venue)}. It is proved in the same way, but it is not ${venueTitle(venue)}'s.`;
  }
  return source === "replay" ? "The book is replayed from a recording: it was right at the time of the recording." : "";
}

/** Return the text about the levels that the checksum does not cover. */
export function limitsText(depth) {
  const deeper = depth > 10 ? ` Of the ${depth} levels of this book, the deeper ones are not part of it: they are right because no event is missing, which the seq shows.` : "";
  return `The checksum covers the best ten levels of each side.${deeper}`;
}

export function eventText({ epoch, seq }) {
  return `After the event with seq ${seq} of epoch ${epoch}, this browser wrote down its own copy of the book: the digits of price and quantity of the best ten asks, best first, then of the best ten bids, without points and leading zeros.`;
}

export function countedText({ verified, mismatches }) {
  const differed = mismatches === 0 ? "none differed" : `${mismatches.toLocaleString("en")} differed, and the book was loaded again each time`;
  return `Since this page opened the book, it has proved ${eventsWords(verified)} in this way, and ${differed}.`;
}

/** Return the sentence at the top of the explanation. */
export function proofVerdict({ doubt, why }, check) {
  if (check === null) return `This book has not been proved yet. ${why}`;
  if (doubt !== null) return `This book is not shown as live now: ${why} Below is the last comparison.`;
  return "This book is live: it is the same as the collector's, change by change, and this page has computed that itself.";
}
