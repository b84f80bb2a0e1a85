// Build a symbol's book from its events, and decide whether it is right. No page, no network.

import { Book } from "./book.js";
import { bookChecksum } from "./checksum.js";

// The state of a reader's book. From the broken ones only a new stream recovers.
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
  // The last book; it is known to be right only while `standing` is VERIFIED.
  book = null;
  standing = Standing.WAITING;
  source = null;
  // The position (epoch, seq) of the last numbered event.
  place = null;
  // The last status of the stream.
  told = LIVE;
  // The reason of the last `lagged`.
  lagReason = null;
  #numbered = LIVE;

  /** `counts` are those of the reader that this one will replace. */
  constructor(counts = { verified: 0, mismatches: 0, lagged: 0, missed: 0, missedUnknown: false, conflated: 0 }) {
    this.counts = counts;
  }

  get isBroken() {
    return BROKEN.has(this.standing);
  }

  /** Begin a new stream. A broken state remains visible until a snapshot comes. */
  begin() {
    this.place = null;
    this.told = this.#numbered = LIVE;
    if (!this.isBroken) this.standing = Standing.WAITING;
  }

  /** Resume the stream, maybe on another replica: statuses of the previous one are unknown now. */
  resume() {
    this.told = this.#numbered;
  }

  /** Apply the next event of the stream; return whether it was new. */
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

  /** Whether this is the snapshot after `lagged`, which may have any position. */
  #isAwaited(event) {
    return event.kind === "snapshot" && this.standing === Standing.LAGGED;
  }

  /** Whether this event directly follows the last one. */
  #isNext({ epoch, seq }) {
    return this.place !== null && epoch === this.place.epoch && seq === this.place.seq + 1;
  }

  #replace(event) {
    // The first snapshot of a stream replaces no updates of this reader.
    const inStream = this.place !== null && this.standing !== Standing.LAGGED;
    if (inStream) this.counts.conflated += event.conflated ?? 0;
    this.source = event.source;
    // Only verified, live books have snapshots; a different status follows as an event.
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
      // After an event that cannot be applied the book cannot be trusted.
      console.debug("event not applied", error);
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
    // A book that was lost, or has a new leader, needs a snapshot.
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
