// A symbol's events to a book, and whether that book is known to be right. Knows no page, no network.

import { Book } from "./book.js";
import { bookChecksum } from "./checksum.js";

// Where a reader stands with its book. In the broken ones only a fresh stream helps.
export const Standing = Object.freeze({
  WAITING: "waiting",
  VERIFIED: "verified",
  UNVERIFIED: "unverified",
  SYNCING: "syncing",
  LAGGED: "lagged",
  MISMATCH: "mismatch",
  CROSSED: "crossed",
  SENSELESS: "senseless",
  GAP: "gap",
});

const BROKEN = new Set([Standing.MISMATCH, Standing.CROSSED, Standing.SENSELESS, Standing.GAP]);
const UPDATABLE = new Set([Standing.VERIFIED, Standing.UNVERIFIED]);
const LIVE = Object.freeze({ status: "live", reason: null });

export class BookReader {
  // The last book, which is only to be shown as right while `standing` is VERIFIED.
  book = null;
  standing = Standing.WAITING;
  source = null;
  // The last numbered event: events are ordered by (epoch, seq).
  place = null;
  // What the stream said last of the status.
  told = LIVE;
  // Why it lagged last, as the api said it.
  lagReason = null;
  #numbered = LIVE;

  /** `counts` are those of the reader whose place this one is to take. */
  constructor(counts = { verified: 0, mismatches: 0, lagged: 0, missed: 0, missedUnknown: false, conflated: 0 }) {
    this.counts = counts;
  }

  get isBroken() {
    return BROKEN.has(this.standing);
  }

  /** A fresh stream begins; what broke the last one is still said, until a snapshot comes. */
  begin() {
    this.place = null;
    this.told = this.#numbered = LIVE;
    if (!this.isBroken) this.standing = Standing.WAITING;
  }

  /** The stream goes on, maybe at another replica: what the api said of its own is no longer known. */
  resume() {
    this.told = this.#numbered;
  }

  /** Take the next event of the stream; return whether it says something that was not known. */
  take(event) {
    if (event.kind === "lagged") this.#lag(event);
    else if (event.seq === null) this.told = event;
    else if (this.#isNewer(event) || this.#isAwaited(event)) this.#takeNumbered(event);
    else return false;
    return true;
  }

  #takeNumbered(event) {
    if (event.kind === "snapshot") this.#replace(event);
    else if (event.kind === "update") this.#update(event);
    else if (event.kind === "status") this.#change(event);
  }

  #isNewer({ epoch, seq }) {
    const { place } = this;
    if (place === null || epoch > place.epoch) return true;
    return epoch === place.epoch && seq > place.seq;
  }

  /** After `lagged` the stream goes on from its next snapshot, wherever that stands. */
  #isAwaited(event) {
    return event.kind === "snapshot" && this.standing === Standing.LAGGED;
  }

  /** Whether nothing lies between the last event and this one. */
  #isNext({ epoch, seq }) {
    return this.place !== null && epoch === this.place.epoch && seq === this.place.seq + 1;
  }

  #replace(event) {
    // The first of a stream stands for nothing that this reader waited for.
    const inStream = this.place !== null && this.standing !== Standing.LAGGED;
    if (inStream) this.counts.conflated += event.conflated ?? 0;
    this.source = event.source;
    // Snapshots are made of verified, live books alone; where the status is another, it follows.
    this.told = this.#numbered = LIVE;
    this.book = new Book(event.depth);
    this.#apply(event);
  }

  #update(event) {
    const expected = UPDATABLE.has(this.standing) && this.#isNext(event);
    if (expected) this.#apply(event);
    else this.standing = Standing.GAP;
  }

  #apply(event) {
    this.place = { epoch: event.epoch, seq: event.seq };
    try {
      this.book.apply(event.bids, event.asks);
      this.standing = this.#verify(event.checksum);
    } catch (error) {
      // Whatever cannot be applied, a level or an event of another shape, leaves no book to trust.
      console.debug("event not understood", error);
      this.standing = Standing.SENSELESS;
    }
  }

  #verify(checksum) {
    if (this.book.isCrossed) return Standing.CROSSED;
    if (checksum === null) return Standing.UNVERIFIED;
    if (bookChecksum(this.book) !== checksum) {
      this.counts.mismatches += 1;
      return Standing.MISMATCH;
    }
    this.counts.verified += 1;
    return Standing.VERIFIED;
  }

  #change(event) {
    const { place } = this;
    const sameEpoch = place !== null && event.epoch === place.epoch;
    if (sameEpoch && !this.#isNext(event)) {
      this.standing = Standing.GAP;
      return;
    }
    this.place = { epoch: event.epoch, seq: event.seq };
    this.told = this.#numbered = event;
    // A book that was lost, or is another leader's, comes back with a snapshot only.
    if (UPDATABLE.has(this.standing) && (event.status !== "live" || !sameEpoch)) {
      this.standing = Standing.SYNCING;
    }
  }

  #lag(event) {
    this.counts.lagged += 1;
    this.lagReason = event.reason;
    if (event.missed === null) this.counts.missedUnknown = true;
    else this.counts.missed += event.missed;
    this.standing = Standing.LAGGED;
  }
}
