// The page's texts for statuses, reasons and errors.
// Each text describes the problem and the reaction to it.

const BOOK_AGAIN = "The book is being requested again.";
const CONNECT_AGAIN = "The collector is reconnecting.";
const KEEPS_TRYING = "The collector keeps trying.";

/** The reasons of docs/contract.md. Any other reason is quoted. */
const REASONS = new Map([
  ["checksum", `The collector's book did not match Kraken's checksum. ${BOOK_AGAIN}`],
  ["crossed", `The best bid was not below the best ask, which cannot be right. ${BOOK_AGAIN}`],
  ["level", `Kraken sent an invalid price or quantity. ${BOOK_AGAIN}`],
  ["frame", `Kraken sent an unreadable message. ${BOOK_AGAIN}`],
  ["precision", `Kraken changed the number of decimals. ${BOOK_AGAIN}`],
  ["sequence", `Some of Kraken's messages are missing, so changes may be too. ${BOOK_AGAIN}`],
  ["window", `Too many levels have left the book since it was loaded whole. ${BOOK_AGAIN}`],
  ["restart", `Kraken announced a restart of its connections. ${CONNECT_AGAIN}`],
  ["early", `Kraken sent a change before the book. ${BOOK_AGAIN}`],
  ["unanswered", `Kraken has not answered the request for this book. ${BOOK_AGAIN}`],
  ["quiet", `Kraken sent nothing about this book for a long time. ${BOOK_AGAIN}`],
  ["closed", `The connection to Kraken was closed. ${CONNECT_AGAIN}`],
  ["silent", `Kraken sent nothing for too long. ${CONNECT_AGAIN}`],
  ["lag", `Kraken's messages arrived too late. ${CONNECT_AGAIN}`],
  ["unreachable", `Kraken cannot be reached. ${KEEPS_TRYING}`],
  ["refused", `Kraken refused the connection. ${KEEPS_TRYING}`],
  ["certificate", `Kraken's certificate could not be verified, so the collector did not connect. ${KEEPS_TRYING}`],
  ["flood", `Kraken sent far too many pings or fragments. ${CONNECT_AGAIN}`],
  ["redis", "The server cannot reach Redis. It keeps trying."],
  ["no-symbols", "No collector has reported its symbols yet. The server is waiting for one."],
  ["corrupt-symbols", "The list of symbols in Redis is damaged. The server's log has the command that repairs it."],
  ["too-many-choices", "The server has reached its limit of different streams. It is waiting for one to end."],
  ["no-room", "The server has no memory for another view. It is waiting for some."],
  ["no book yet", "There is no verified book yet. It appears when Kraken has sent it."],
  ["stopped", "The collector was stopped. The book returns when a collector runs again."],
  ["not listed", "Kraken no longer lists this symbol. It will disappear from this page soon."],
  ["age", "The book was not confirmed for too long, so it may have changed. It returns when it is confirmed."],
]);

/** Texts of statuses without a reason. */
const STATUSES = new Map([
  ["asked", "The book was requested, and Kraken has not answered yet."],
  ["syncing", "There is no verified book yet. It appears when Kraken has sent it."],
  ["stale", REASONS.get("age")],
  ["refused", "Kraken does not serve this symbol. The collector asks again every minute."],
]);

/** Texts of the states of a LiveBook: the reasons of this browser not to trust it. */
const STATES = new Map([
  ["waiting", "Waiting for the book…"],
  ["unverified", "The book came without a checksum, so it cannot be verified here."],
  ["syncing", "Waiting for the next complete book…"],
  ["mismatch", "The book shown here did not match Kraken's checksum. It is being loaded again."],
  ["crossed", "The best bid was not below the best ask, which cannot be right. The book is being loaded again."],
  ["invalid", "An event could not be read. The book is being loaded again."],
  ["gap", "Some changes are missing. The book is being loaded again."],
]);

/** Texts of the reasons of `lagged`. */
const LAGS = new Map([
  ["slow", "This browser read too slowly and missed changes. The book is being loaded again."],
  ["trimmed", "This page was disconnected too long, and the server no longer has the changes since then. The book is being loaded again."],
  ["unknown", "The server does not know the last event of this page. The book is being loaded again."],
  ["redis", "Redis went back to an earlier state. The book is being loaded again."],
]);

/** Texts of the states of the connection without events. */
const CONNECTIONS = new Map([
  ["opening", "Opening the stream…"],
  ["blocked", "The stream does not open. The server may be down, or other windows use all of this browser's connections to it."],
  ["interrupted", "The stream was interrupted. This page is reconnecting."],
  ["resumed", "Catching up…"],
  ["behind", "The stream fell behind. The book is being loaded again."],
  ["unheard", "Last known book: the server sends nothing at the moment. This page keeps trying."],
]);

const LONGEST = 200;
// Control, format and direction characters, lone surrogates, private use, line separators.
const UNSAFE = /[\p{Cc}\p{Cf}\p{Cs}\p{Co}\p{Zl}\p{Zp}]/gu;

/** Return foreign text as one line of bounded length without unsafe characters. */
export function clean(text, longest = LONGEST) {
  const shown = String(text).slice(0, 4 * longest).replace(UNSAFE, "\ufffd");
  const letters = [...shown];
  return letters.length > longest ? `${letters.slice(0, longest).join("")}…` : shown;
}

/** Return foreign text in quotation marks, isolated from the direction of the sentence. */
export function quoted(text) {
  return `“\u2068${clean(text)}\u2069”`;
}

/** Return the name of a venue as people write it, such as "Kraken". */
export function venueTitle(venue) {
  return clean(venue.slice(0, 1).toUpperCase() + venue.slice(1));
}

/** Return the text of the source of a venue's book; only a live book of its venue is called live. */
export function sourceText(source, venue, isLive) {
  if (source === venue) return isLive ? `live ${venueTitle(venue)}` : venueTitle(venue);
  return source === null ? "" : clean(source);
}

/** Return the number of `lagged` events, and of the missed ones if there are any. */
export function laggedText({ lagged, missed, missedUnknown }) {
  if (lagged === 0) return "0";
  return `${lagged.toLocaleString("en")} (${missed.toLocaleString("en")}${missedUnknown ? "+" : ""} missed)`;
}

/** Return the text of a status of a venue's book and its reason. */
export function statusText(status, reason, venue = "kraken") {
  const title = venueTitle(venue);
  if (status === "refused" && reason && reason !== "not listed") {
    return `${title} refuses this symbol: ${quoted(reason)}. The collector asks again every minute.`;
  }
  const text = reason ? REASONS.get(reason) : STATUSES.get(status);
  if (text !== undefined) return text.replaceAll("Kraken", title);
  return reason ? `The reason: ${quoted(reason)}.` : `The status is ${quoted(status)}.`;
}

export function stateText(state) {
  return STATES.get(state);
}

export function lagText(reason) {
  return LAGS.get(reason) ?? `Changes were missed: ${quoted(reason)}. The book is being loaded again.`;
}

export function connectionText(connection) {
  return CONNECTIONS.get(connection);
}

/** Return the first `most` names in quotation marks, and the number of the others. */
export function listed(names, most = 5) {
  const shown = names.slice(0, most).map(quoted).join(", ");
  return names.length > most ? `${shown} and ${names.length - most} more` : shown;
}
