// Request the events of a book that the server still holds, newest ten minutes at most.

import { apiUrl } from "./address.js";
import { keyHeaders } from "./key.js";

// Together at most 24 MiB, because a page ends at about 1 MiB.
const MOST_PAGES = 24;
const PAGE_EVENTS = 1000;
const MOST_EVENTS = 20_000;
const PATIENCE = 10_000;
const MOST_TIME = 30_000;
// A server writes whole seconds, and may write one for a while.
const DATE_PRECISION = 2000;
const ID = /^(\d{1,15})-(\d{1,18})$/;

/** The past cannot be read; the message is for the visitor. */
export class PastError extends Error {}

/** Return `{entries, skew}`: the events of `symbol` since `from`, oldest first, up to
 *  `position`, each as `{ms, event}`.
 *
 * `skew` is the least ms by which the server's clock is ahead of this one, 0 if they may agree. If a busy book has more events than
 * `MOST_EVENTS` since then, the oldest are left out. Ends early when `signal` aborts, with its
 * reason, and throws PastError if the server has no answer in time, `patience` ms for each page.
 */
export async function readPast(symbol, from, position, signal, patience = PATIENCE) {
  const deadline = AbortSignal.timeout(MOST_TIME);
  const get = (address) => request(address, signal, AbortSignal.any([deadline, AbortSignal.timeout(patience)]));
  const path = `events/${encodeURIComponent(symbol)}`;
  const { page: held, skew } = await get(`${path}?limit=1`);
  const entries = [];
  let query = firstQuery(held, from);
  for (let pages = 0; query !== null && pages < MOST_PAGES; pages += 1) {
    const { page } = await get(path + query);
    entries.push(...page.events.map(entryOf));
    query = hasReached(entries.at(-1), position) ? null : page.next;
  }
  return { entries, skew };
}

/** Return the query of the first page, null if the server holds no event. */
function firstQuery({ first_id: first, last_id: last }, from) {
  const [oldest, newest] = [ID.exec(first), ID.exec(last)];
  if (oldest === null || newest === null) return null;
  const [span, count] = [1, 2].map((part) => Number(newest[part]) - Number(oldest[part]));
  // A few less than the limit, because their rate changes.
  const readable = count > MOST_EVENTS ? (0.9 * span * MOST_EVENTS) / count : span;
  const start = Math.max(from, Number(newest[1]) - readable);
  return `?from=${Math.floor(start)}&limit=${PAGE_EVENTS}`;
}

/** Return what this page uses of an event. */
function entryOf({ id, event }) {
  const { kind, seq, epoch, bids, asks, checksum, depth, status } = event;
  return { ms: Number(ID.exec(id)[1]), event: { kind, seq, epoch, bids, asks, checksum, depth, status } };
}

function hasReached(entry, { epoch, seq }) {
  if (entry === undefined) return false;
  return entry.event.epoch > epoch || (entry.event.epoch === epoch && entry.event.seq >= seq);
}

/** Return a page, and the skew of the clocks. `closed` aborts without a PastError, `deadline` with one. */
async function request(path, closed, deadline) {
  const limited = AbortSignal.any([closed, deadline]);
  const askedAt = Date.now();
  let response;
  try {
    response = await fetch(apiUrl(path), { cache: "no-store", headers: keyHeaders(), signal: limited });
    const answeredAt = Date.now();
    const page = await response.json();
    if (!response.ok) throw new PastError(`the server responded with ${response.status}`);
    if (!Array.isArray(page.events)) throw new PastError("the response is not a page of events");
    return { page, skew: skewOf(response, askedAt, answeredAt) };
  } catch (error) {
    if (error instanceof PastError || closed.aborted) throw error;
    // While a body is read, browsers call a timeout an abort.
    if (limited.aborted) throw new PastError("the server did not respond in time");
    throw new PastError(response === undefined ? "the server cannot be reached" : "the response cannot be read");
  }
}

/** Return by how much the clocks certainly differ: the server wrote its time between both times here. */
function skewOf(response, askedAt, answeredAt) {
  const time = Date.parse(response.headers.get("Date") ?? "");
  if (Number.isNaN(time)) return 0;
  const [least, most] = [time - answeredAt, time + DATE_PRECISION - askedAt];
  if (least > 0) return least;
  return Math.min(0, most);
}
