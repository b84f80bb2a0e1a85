// What the answer of /status means, in words. Ages grow while no newer answer comes.

import { venueOf } from "../data/selection.js";
import { ageText, countText, NOTHING } from "../parts/texts.js";
import { clean, venueTitle } from "../parts/words.js";

// A collector reports every second.
export const SILENT_AFTER = 5000;
// An answer comes every two seconds.
export const OLD_AFTER = 10_000;

/** Return the rows of a venue's collectors: `{status, cells}`; `since` is the age of the answer in ms. */
export function collectorRows({ collectors }, since) {
  return collectors.map((each) => {
    const age = each.age_ms + since;
    const isSilent = age > SILENT_AFTER;
    return {
      status: isSilent ? "stale" : "live",
      cells: [each.shard, isSilent ? "silent" : "reporting", ageText(age), `${each.leader.host}, ${each.leader.pid}`, String(each.epoch ?? NOTHING),
        countsText(each.books), countText(each.mismatches), countText(each.resyncs), each.redis_status === "ok" ? "ok" : `${each.redis_status}, see its log`].map((text) => clean(text)),
    };
  });
}

/** Return the rows of the connections of a venue's collectors. */
export function connectionRows({ collectors }) {
  return collectors.flatMap(({ shard, connections }) => connections.map((each) => ({
    status: each.state === "live" ? "live" : "syncing",
    cells: [shard, each.name, each.state, timeOf(each.last_frame), each.lag_ms === null ? NOTHING : `${countText(each.lag_ms)} ms`,
      countText(each.symbols), countText(each.reconnects), each.system ?? NOTHING].map((text) => clean(text)),
  })));
}

/** Return the rows of the replicas that have answered: `replicas` has `{replica, redis, answeredAt}`. */
export function replicaRows(replicas, time) {
  return replicas.map(({ replica, redis, answeredAt }) => ({
    status: replica.is_draining ? "syncing" : "live",
    cells: [replica.name, replica.is_draining ? "stopping" : "serving", `${ageText(time - answeredAt)} ago`, replica.version, durationText(replica.uptime_s),
      countText(replica.streams), redis.status === "ok" ? `ok, ${redis.nodes} ${redis.nodes === 1 ? "node" : "nodes"}` : `away: ${redis.reason}`].map((text) => clean(text)),
  }));
}

/** Return the number of a venue's books in each status, as /books has them now. */
export function booksText(books, venue) {
  const own = books.filter(({ symbol }) => venueOf(symbol) === venue);
  const counts = {};
  for (const { status } of own) counts[status] = (counts[status] ?? 0) + 1;
  return own.length === 0 ? "No books." : `Books now: ${clean(countsText(counts))}.`;
}

/** Return one sentence for each trouble; none if all is well. */
export function troubles(answer, since, failure) {
  const found = [];
  if (failure !== null) found.push(`${failure}.`);
  if (answer === null) return found;
  if (since > OLD_AFTER) found.push("What is below is old, because no newer answer has come.");
  if (answer.redis.status !== "ok") found.push(`Redis does not serve the replica: ${clean(answer.redis.reason)}. The reports are the last known ones.`);
  for (const feed of answer.feeds) found.push(...feedTroubles(feed, since));
  return found;
}

function feedTroubles({ venue, reason, malformed, collectors }, since) {
  const title = venueTitle(venue);
  const found = [];
  if (reason !== null) found.push(`The reports of ${title}'s collectors cannot be read: ${clean(reason)}.`);
  if (collectors.length === 0 && reason === null) found.push(`No collector of ${title} has reported.`);
  if (malformed > 0) found.push(`${countText(malformed)} reports of ${title} are left out, because they are malformed or too many.`);
  for (const { shard, age_ms, redis_status, connections } of collectors) {
    const name = `${title}'s collector of shard ${clean(shard)}`;
    if (age_ms + since > SILENT_AFTER) found.push(`${name} is silent: it has stopped, or cannot write to Redis.`);
    if (redis_status !== "ok") found.push(`${name} has trouble with Redis; its log tells which.`);
    const lost = connections.filter(({ state }) => state !== "live").length;
    if (lost > 0) found.push(`${name} has ${lost} of ${connections.length} connections that ${lost === 1 ? "is" : "are"} not live.`);
  }
  return found;
}

function countsText(counts) {
  const entries = Object.entries(counts).sort(([a], [b]) => (a < b ? -1 : 1));
  return entries.length === 0 ? "none" : entries.map(([status, count]) => `${countText(count)} ${status}`).join(", ");
}

/** Return the time of day in an RFC 3339 time of UTC; clocks of other machines give no age. */
function timeOf(time) {
  return /T(\d\d:\d\d:\d\d)/.exec(time ?? "")?.[1].concat(" UTC") ?? NOTHING;
}

function durationText(seconds) {
  if (seconds < 120) return `${seconds} s`;
  if (seconds < 7200) return `${Math.floor(seconds / 60)} min`;
  return seconds < 172_800 ? `${Math.floor(seconds / 3600)} h` : `${Math.floor(seconds / 86_400)} days`;
}
