// What the page says in words: of statuses, of reasons, and of what went wrong here.
// Each text says what happened and what is being done about it.

const BOOK_AGAIN = "The book is being asked for again.";
const CONNECT_AGAIN = "The collector is connecting again.";
const KEEPS_TRYING = "The collector keeps trying.";

/** The reasons of docs/contract.md; any other is shown as it is. */
const REASONS = new Map([
  ["checksum", `The collector's book did not match Kraken's checksum. ${BOOK_AGAIN}`],
  ["crossed", `The best bid was not below the best ask, which cannot be right. ${BOOK_AGAIN}`],
  ["level", `Kraken sent a price or quantity that makes no sense. ${BOOK_AGAIN}`],
  ["frame", `Kraken sent a message that cannot be read. ${BOOK_AGAIN}`],
  ["precision", `The number of decimals changed at Kraken. ${BOOK_AGAIN}`],
  ["early", `Kraken sent a change before the book that it belongs to. ${BOOK_AGAIN}`],
  ["unanswered", `Kraken has not answered the request for this book. ${BOOK_AGAIN}`],
  ["quiet", `Kraken sent nothing about this book for a long time. ${BOOK_AGAIN}`],
  ["closed", `The connection to Kraken was closed. ${CONNECT_AGAIN}`],
  ["silent", `Nothing came from Kraken for too long. ${CONNECT_AGAIN}`],
  ["lag", `Kraken's messages arrived too late to be trusted. ${CONNECT_AGAIN}`],
  ["unreachable", `Kraken cannot be reached. ${KEEPS_TRYING}`],
  ["refused", `Kraken refused the connection. ${KEEPS_TRYING}`],
  ["certificate", `Kraken's certificate could not be verified, so nothing was read. ${KEEPS_TRYING}`],
  ["flood", `Kraken sent far too many pings or fragments. ${CONNECT_AGAIN}`],
  ["redis", "The server cannot reach its store. It keeps trying."],
  ["no-symbols", "No collector has said yet which symbols there are. The server is waiting for one."],
  ["corrupt-symbols", "The list of symbols in the server's store is damaged. The server's log says how to repair it."],
  ["too-many-choices", "The server serves as many different streams as it can. It is waiting for one to end."],
  ["no-room", "The server has no memory left for another view. It is waiting for some."],
  ["no book yet", "There is no verified book yet. It appears as soon as Kraken has sent it."],
  ["stopped", "The collector was stopped. The book comes back when a collector runs again."],
  ["not listed", "Kraken does not list this symbol any more. It will leave this page soon."],
  ["age", "The book was not confirmed for too long, so it may have changed. It comes back once it is confirmed."],
]);

/** What a status says if no reason was given with it. */
const STATUSES = new Map([
  ["asked", "The book was asked for, and Kraken has not answered yet."],
  ["syncing", "There is no verified book yet. It appears as soon as Kraken has sent it."],
  ["stale", REASONS.get("age")],
  ["refused", "Kraken does not serve this symbol. It is asked again every minute."],
]);

/** Why this browser itself does not trust a book: BookReader's standings. */
const STANDINGS = new Map([
  ["waiting", "Waiting for the book…"],
  ["unverified", "The book came without a checksum, so it cannot be verified here."],
  ["syncing", "Waiting for the next complete book…"],
  ["mismatch", "The book shown here did not match Kraken's checksum. It is being loaded again."],
  ["crossed", "The best bid was not below the best ask, which cannot be right. The book is being loaded again."],
  ["senseless", "An event could not be understood. The book is being loaded again."],
  ["gap", "Some changes are missing here. The book is being loaded again."],
]);

/** Why this page missed events. */
const LAGS = new Map([
  ["slow", "This browser read too slowly and missed changes. The book is being loaded again."],
  ["trimmed", "This page was away too long, and the changes since are no longer kept. The book is being loaded again."],
  ["unknown", "The server does not know where this page stopped. The book is being loaded again."],
  ["redis", "The server's store went back to an earlier state. The book is being loaded again."],
]);

/** What the connection to the api does while it brings no events. */
const CONNECTIONS = new Map([
  ["opening", "Opening the stream…"],
  ["blocked", "The stream does not open. The server may be away, or other windows use all of this browser's connections to it."],
  ["interrupted", "The stream was interrupted. This page is connecting again."],
  ["resumed", "Catching up…"],
  ["behind", "The stream fell behind. The book is being loaded again."],
  ["unheard", "Last known book: nothing comes from the server at the moment. This page keeps trying."],
]);

const LONGEST = 200;
// Controls, formatting and directions, lone surrogates, private use, line separators.
const UNSAFE = /[\p{Cc}\p{Cf}\p{Cs}\p{Co}\p{Zl}\p{Zp}]/gu;

/** A text from elsewhere as it may stand on the page: of one line, and not endless. */
export function clean(text, longest = LONGEST) {
  const shown = String(text).slice(0, 4 * longest).replace(UNSAFE, "\ufffd");
  const letters = [...shown];
  return letters.length > longest ? `${letters.slice(0, longest).join("")}…` : shown;
}

/** A text from elsewhere within a sentence of ours, whatever direction its letters have. */
export function quoted(text) {
  return `“\u2068${clean(text)}\u2069”`;
}

/** A status and its reason in words. */
export function statusText(status, reason) {
  if (status === "refused" && reason && reason !== "not listed") {
    return `Kraken refuses this symbol: ${quoted(reason)}. It is asked again every minute.`;
  }
  if (!reason) return STATUSES.get(status) ?? `The status is ${quoted(status)}.`;
  return REASONS.get(reason) ?? `The reason given: ${quoted(reason)}.`;
}

export function standingText(standing) {
  return STANDINGS.get(standing);
}

export function lagText(reason) {
  return LAGS.get(reason) ?? `Changes were missed: ${quoted(reason)}. The book is being loaded again.`;
}

export function connectionText(connection) {
  return CONNECTIONS.get(connection);
}

/** Several names in one sentence: the first few, and how many more there are. */
export function listed(names, most = 5) {
  const shown = names.slice(0, most).map(quoted).join(", ");
  return names.length > most ? `${shown} and ${names.length - most} more` : shown;
}
