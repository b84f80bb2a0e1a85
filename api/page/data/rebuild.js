// The proved books of the past, from the events that the server still holds. It does no I/O.
//
// An event has only the levels that it changed, so a book can be rebuilt in two ways:
//
// - From a snapshot among the events, all levels are known, as on a stream.
// - Without one, a level that no event has touched is that of the present book, and a touched one
//   is known from its first event on. So the book is incomplete at the beginning, and completes
//   itself. It is used only after events whose checksum it has, which proves the best ten levels.
//   Of deeper levels those are used that are known to be right (certain.js); some may be missing.
//
// A missing event, a lost book and a new leader end a run of events: nothing before one is known
// from what follows it.

import { Book, LevelError, checksum } from "../kraken-book.js";
import { CertainLevels } from "./certain.js";
import { Levels, Sample } from "./samples.js";

/** The levels of each side that the checksum covers. */
export const PROVED_LEVELS = 10;

// The events between two breaks, so that a task takes some milliseconds.
const EVENTS_PER_PART = 250;

/** Yield the samples of `entries`, oldest first, in parts between which the caller can take a break; a
 *  second without a proved book has no sample.
 *
 * @param {{ms: number, event: object}[]} entries The numbered events of one book in order, with
 * their times.
 * @param {{position: {epoch: number, seq: number}, depth: number, bids: string[][], asks: string[][]}} present
 * The verified present book.
 * @param {number} until The second up to which the present book is sampled.
 */
export function* rebuild(entries, present, until) {
  const past = entries.filter(({ event }) => !isLater(event, present.position));
  const runs = runsOf(past);
  for (const [index, run] of runs.entries()) {
    const isLast = index === runs.length - 1;
    const reachesPresent = isLast && isSame(run.at(-1).event, present.position);
    const end = reachesPresent ? 1000 * (until + 1) : endOf(run, runs[index + 1]);
    yield* samplesOf(run, reachesPresent ? present : null, present.depth, end);
  }
}

/** Cut entries into runs: each begins with a snapshot or after a gap, and has no gap inside. */
function runsOf(entries) {
  const runs = [];
  let last = null;
  for (const entry of entries) {
    const { event } = entry;
    if (last !== null && keepsBook(event) && isNext(event, last)) runs.at(-1).push(entry);
    else runs.push([entry]);
    last = event;
  }
  return runs;
}

/** Return the time in ms until which the last book of a run was right. */
function endOf(run, next) {
  const [first] = next ?? [];
  // If events are missing in between, the book may have changed right after its last event.
  return first !== undefined && isNext(first.event, run.at(-1).event) ? first.ms : run.at(-1).ms + 1;
}

/** Yield the samples of a run, which ends at the time `end` in ms, in parts. */
function* samplesOf(run, present, depth, end) {
  const [{ event: first }] = run;
  if (first.kind !== "snapshot" && !keepsBook(first)) return;
  const isWhole = first.kind === "snapshot";
  const certain = isWhole ? null : new CertainLevels(run.map(({ event }) => event), present);
  const book = new PastBook(isWhole ? first.depth : depth, certain);
  for (let start = 0; start < run.length; start += EVENTS_PER_PART) {
    const samples = [];
    const isRight = takePart(book, run, start, end, samples);
    yield samples;
    // After a level that cannot be, nothing of this run is known any more.
    if (!isRight) return;
  }
}

/** Apply the events of a part of a run, and collect the samples; return whether all could be applied. */
function takePart(book, run, start, end, samples) {
  for (let index = start; index < Math.min(run.length, start + EVENTS_PER_PART); index += 1) {
    const { ms, event } = run[index];
    try {
      book.apply(event, index);
    } catch (error) {
      if (!(error instanceof LevelError)) throw error;
      return false;
    }
    const second = Math.floor(ms / 1000);
    // The book holds until the next event, so that it is the one at the end of these seconds.
    const after = Math.floor((run[index + 1]?.ms ?? end) / 1000);
    if (after > second) samples.push(...book.samples(second, after));
  }
  return true;
}

/** A book of the past, complete or in its best levels. */
class PastBook {
  #book;
  #certain;
  #isWhole;
  #last = null;
  #expected = null;

  /** `certain` is null if the first event is a snapshot. */
  constructor(depth, certain) {
    this.#book = new Book(depth);
    this.#certain = certain;
    this.#isWhole = certain === null;
    if (certain !== null) this.#book.apply(certain.bids.untouched, certain.asks.untouched);
  }

  /** Apply the event of the run with this index. */
  apply(event, index) {
    this.#last = event;
    this.#certain?.pass(index);
    if (event.kind === "status") return;
    this.#book.apply(event.bids, event.asks);
    this.#expected = event.checksum;
    // Every event of a complete book must match, also for the levels that no checksum covers.
    if (this.#isWhole && !this.#isProved()) this.#isWhole = false;
  }

  /** Return the samples from `first` up to `after`, which is not included; none if unproved. */
  samples(first, after) {
    if (!this.#isWhole && !this.#isProved()) return [];
    const isWhole = this.#isWhole || this.#book.depth <= PROVED_LEVELS;
    const [bids, asks] = ["bids", "asks"].map((side) => new Levels(this.#known(side, isWhole)));
    const { epoch, seq } = this.#last;
    const sample = new Sample({ second: first, epoch, seq, bids, asks, isWhole });
    return Array.from({ length: after - first }, (_, index) => sample.at(first + index));
  }

  /** Return the levels of a side that are known to be right. */
  #known(side, isWhole) {
    const levels = this.#book[side].best(this.#book.depth);
    if (isWhole) return levels;
    return levels.filter(([price], rank) => rank < PROVED_LEVELS || this.#certain?.[side].has(price));
  }

  #isProved() {
    return !this.#book.isCrossed && checksum(this.#book) === this.#expected;
  }
}

/** Whether the book after `event` is the one before it, with the levels of the event. */
function keepsBook({ kind, status }) {
  return kind === "update" || (kind === "status" && status === "live");
}

function isNext(event, { epoch, seq }) {
  return event.epoch === epoch && event.seq === seq + 1;
}

function isSame(event, { epoch, seq }) {
  return event.epoch === epoch && event.seq === seq;
}

function isLater(event, { epoch, seq }) {
  return event.epoch > epoch || (event.epoch === epoch && event.seq > seq);
}
