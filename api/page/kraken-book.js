// Live order books of a kraken-book api, rebuilt and verified by the reader. No dependencies; for
// browsers and Node 18 or later.
//
//   import { watch } from "http://localhost:3000/kraken-book.js";
//
//   for await (const book of watch("http://localhost:3000", ["BTC/USD"])) {
//     if (book.isLive) console.log(book.symbol, book.bestBid, book.bestAsk, book.spread);
//   }
//
// `watch` follows books and reconnects by itself; `getBest` and `watchBest` read the best prices of
// one pair over all venues. Below them are the parts: `EventStream` moves events, `LiveBook` rebuilds
// one book from them, `Book` has its levels, and `checksum` is Kraken's.
// Prices and quantities are texts with all decimals, because a Number would round them.

/** An api does not serve the request, and will not after a retry. */
export class Refused extends Error {
  /**
   * @param {number} status The HTTP status.
   * @param {string} detail What is wrong, in the api's words.
   * @param {string | null} code The kind of problem, such as "unknown-symbol"; null without one.
   */
  constructor(status, detail, code = null) {
    super(detail);
    this.name = "Refused";
    this.status = status;
    this.code = code;
  }
}

/** A level is invalid, so the book cannot be right. */
export class LevelError extends Error {}

// ---------------------------------------------------------------------------------- decimals

const DECIMAL = /^(0|[1-9]\d*)(\.\d+)?$/;

/** Return whether `value` is the text of a decimal, such as "100.10". */
export function isDecimal(value) {
  return typeof value === "string" && DECIMAL.test(value);
}

function isZero(text) {
  return /^0(\.0+)?$/.test(text);
}

/** Compare two decimals of one precision; return a negative number, 0 or a positive number. */
export function compare(a, b) {
  const longer = integerLength(a) - integerLength(b);
  if (longer !== 0) return longer;
  return a < b ? -1 : Number(a > b);
}

/** Return `high` minus `low` exactly; both have one precision, and `low` is not greater. */
export function difference(high, low) {
  const units = String(BigInt(high.replace(".", "")) - BigInt(low.replace(".", "")));
  if (!high.includes(".")) return units;
  const decimals = high.length - integerLength(high) - 1;
  const digits = units.padStart(decimals + 1, "0");
  return `${digits.slice(0, -decimals)}.${digits.slice(-decimals)}`;
}

function integerLength(text) {
  const point = text.indexOf(".");
  return point < 0 ? text.length : point;
}

// ---------------------------------------------------------------------------------- the book

/** The levels of one side; `direction` is 1 for asks, whose lowest price is best, and -1 for bids. */
class Side {
  #direction;
  #qtys = new Map();
  #prices = [];

  constructor(direction) {
    this.#direction = direction;
  }

  get length() {
    return this.#prices.length;
  }

  /** Return the best `count` levels, best first, as `[price, qty]`. */
  best(count) {
    return this.#prices.slice(0, count).map((price) => [price, this.#qtys.get(price)]);
  }

  /** Set or remove `levels` in their order, then keep the best `depth`. Kraken sends no deletion
   *  for a level that leaves the window. */
  apply(levels, depth) {
    for (const [price, qty] of levels) this.#set(price, qty);
    for (const price of this.#prices.splice(depth)) this.#qtys.delete(price);
  }

  #set(price, qty) {
    const makesSense = isDecimal(price) && isDecimal(qty) && !isZero(price);
    if (!makesSense) throw new LevelError(`level ${price} ${qty}`);
    const known = this.#qtys.has(price);
    if (isZero(qty)) {
      if (known) this.#prices.splice(this.#indexOf(price), 1);
      this.#qtys.delete(price);
      return;
    }
    if (!known) this.#prices.splice(this.#indexOf(price), 0, price);
    this.#qtys.set(price, qty);
  }

  /** Return the index of `price` among the prices, or the index at which to insert it. */
  #indexOf(price) {
    let low = 0;
    let high = this.#prices.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (compare(this.#prices[middle], price) * this.#direction < 0) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}

/** The bids and asks of one symbol, at most `depth` levels each. */
export class Book {
  constructor(depth) {
    this.depth = depth;
    this.bids = new Side(-1);
    this.asks = new Side(1);
  }

  /** Apply a whole event. After a LevelError the book must not be used. */
  apply(bids, asks) {
    this.bids.apply(bids, this.depth);
    this.asks.apply(asks, this.depth);
  }

  /** The price and quantity of the best bid, undefined if there is none. */
  get bestBid() {
    return this.bids.best(1)[0];
  }

  /** The price and quantity of the best ask, undefined if there is none. */
  get bestAsk() {
    return this.asks.best(1)[0];
  }

  /** Whether the best bid is not below the best ask, as never in Kraken's book after a whole frame. */
  get isCrossed() {
    const [bid, ask] = [this.bestBid, this.bestAsk];
    return Boolean(bid && ask) && compare(bid[0], ask[0]) >= 0;
  }

  /** Best ask minus best bid, null if a side is empty or the book is crossed. */
  get spread() {
    const [bid, ask] = [this.bestBid, this.bestAsk];
    return bid && ask && !this.isCrossed ? difference(ask[0], bid[0]) : null;
  }
}

const CHECKSUM_LEVELS = 10;

const TABLE = Uint32Array.from({ length: 256 }, (_, byte) => {
  let remainder = byte;
  for (let bit = 0; bit < 8; bit += 1) {
    remainder = remainder & 1 ? (remainder >>> 1) ^ 0xedb88320 : remainder >>> 1;
  }
  return remainder;
});

/** Return the unsigned CRC-32 (IEEE) of an ASCII text. */
export function crc32(text) {
  let crc = 0xffffffff;
  for (let index = 0; index < text.length; index += 1) {
    crc = TABLE[(crc ^ text.charCodeAt(index)) & 0xff] ^ (crc >>> 8);
  }
  return ~crc >>> 0;
}

/** Return Kraken's checksum of a Book: the CRC-32 of the digits of the best ten asks, then bids.
 *  https://docs.kraken.com/api/docs/guides/spot-ws-book-v2 */
export function checksum(book) {
  return crc32(checksumText(book));
}

/** Return the text whose CRC-32 is the checksum of a Book: the digits of the price and the quantity
 *  of each of the best ten asks, then of the best ten bids, without points and leading zeros. */
export function checksumText(book) {
  return sideText(book.asks) + sideText(book.bids);
}

function sideText(side) {
  return side
    .best(CHECKSUM_LEVELS)
    .map(([price, qty]) => checksumDigits(price) + checksumDigits(qty))
    .join("");
}

function checksumDigits(text) {
  return text.replace(".", "").replace(/^0+/, "");
}

// ---------------------------------------------------------------------- a book from its events

/** The states of a LiveBook. Only a new stream repairs the broken ones: MISMATCH (the checksum
 *  differs), CROSSED, INVALID (a level that cannot be) and GAP (an event is missing). */
export const State = Object.freeze({
  WAITING: "waiting",
  VERIFIED: "verified",
  UNVERIFIED: "unverified",
  SYNCING: "syncing",
  LAGGED: "lagged",
  MISMATCH: "mismatch",
  CROSSED: "crossed",
  INVALID: "invalid",
  GAP: "gap",
});

const BROKEN = new Set([State.MISMATCH, State.CROSSED, State.INVALID, State.GAP]);
const UPDATABLE = new Set([State.VERIFIED, State.UNVERIFIED]);
const LIVE = Object.freeze({ status: "live", reason: null });

/** The book of one symbol as its events build it. It does no I/O. */
export class LiveBook {
  /** The last Book, null before the first. It is known to be right only if `state` is VERIFIED. */
  book = null;
  state = State.WAITING;
  /** The venue's name, "simulated" or "replay"; null before the first snapshot. */
  source = null;
  /** How the collector proved the book against its venue: "checksum", "sequence" or
   *  "sequence+checksum"; null if that is unknown. */
  proof = null;
  /** The position `{epoch, seq}` of the last numbered event. */
  position = null;
  /** The last status of the stream: `{status, reason}`. */
  lastStatus = LIVE;
  /** The reason of the last `lagged`. */
  lagReason = null;
  /** Why the last event could not be applied; null unless `state` was INVALID. */
  error = null;
  /** The last comparison of checksums: `{position, text, computed, received}`, in which `computed` is
   *  the CRC-32 of `text`, the checksumText after the event; null before the first. */
  lastCheck = null;
  /** Whether a stream is open. */
  isConnected = true;
  #numberedStatus = LIVE;

  /** `counts` are those of the LiveBook that this one will replace. */
  constructor(
    symbol = null,
    counts = { verified: 0, mismatches: 0, lagged: 0, missed: 0, missedUnknown: false, conflated: 0 },
  ) {
    this.symbol = symbol;
    this.counts = counts;
  }

  /** Whether the book is verified and followed. */
  get isLive() {
    return this.isConnected && this.state === State.VERIFIED && this.lastStatus.status === "live";
  }

  get isBroken() {
    return BROKEN.has(this.state);
  }

  get bestBid() {
    return this.book?.bestBid;
  }

  get bestAsk() {
    return this.book?.bestAsk;
  }

  get spread() {
    return this.book?.spread ?? null;
  }

  /** The best `count` bids as `[price, qty]`, best first. */
  bids(count = this.book?.depth) {
    return this.book?.bids.best(count) ?? [];
  }

  /** The best `count` asks as `[price, qty]`, best first. */
  asks(count = this.book?.depth) {
    return this.book?.asks.best(count) ?? [];
  }

  /** Begin a new stream. A broken state remains visible until a snapshot comes. */
  begin() {
    this.position = null;
    this.lastStatus = this.#numberedStatus = LIVE;
    if (!this.isBroken) this.state = State.WAITING;
  }

  /** Resume the stream, maybe on another replica: statuses of the previous one are unknown now. */
  resume() {
    this.lastStatus = this.#numberedStatus;
  }

  /** Apply the next event of the stream; return whether it was new. */
  apply(event) {
    if (event.kind === "lagged") this.#lag(event);
    else if (event.seq === null) this.lastStatus = event;
    else if (this.#isNewer(event) || this.#isAwaited(event)) this.#applyNumbered(event);
    else return false;
    return true;
  }

  #applyNumbered(event) {
    if (event.kind === "snapshot") this.#replace(event);
    else if (event.kind === "update") this.#update(event);
    else if (event.kind === "status") this.#changeStatus(event);
  }

  #isNewer({ epoch, seq }) {
    const { position } = this;
    if (position === null || epoch > position.epoch) return true;
    return epoch === position.epoch && seq > position.seq;
  }

  /** Whether this is the snapshot after `lagged`, which may have any position. */
  #isAwaited(event) {
    return event.kind === "snapshot" && this.state === State.LAGGED;
  }

  /** Whether this event directly follows the last one. */
  #isNext({ epoch, seq }) {
    const { position } = this;
    return position !== null && epoch === position.epoch && seq === position.seq + 1;
  }

  #replace(event) {
    // The first snapshot of a stream replaces no updates of this reader.
    const inStream = this.position !== null && this.state !== State.LAGGED;
    if (inStream) this.counts.conflated += event.conflated ?? 0;
    this.symbol = event.symbol;
    this.source = event.source;
    this.proof = event.proof ?? null;
    // Only verified, live books have snapshots; a different status follows as an event.
    this.lastStatus = this.#numberedStatus = LIVE;
    this.book = new Book(event.depth);
    this.#applyLevels(event);
  }

  #update(event) {
    const isExpected = UPDATABLE.has(this.state) && this.#isNext(event);
    if (isExpected) this.#applyLevels(event);
    else this.state = State.GAP;
  }

  #applyLevels(event) {
    this.position = { epoch: event.epoch, seq: event.seq };
    try {
      this.book.apply(event.bids, event.asks);
      this.state = this.#verify(event.checksum);
    } catch (error) {
      // After an event that cannot be applied the book cannot be trusted.
      this.error = error;
      this.state = State.INVALID;
    }
  }

  #verify(expected) {
    if (this.book.isCrossed) return State.CROSSED;
    if (expected === null) return State.UNVERIFIED;
    const text = checksumText(this.book);
    const computed = crc32(text);
    this.lastCheck = { position: this.position, text, computed, received: expected };
    if (computed !== expected) {
      this.counts.mismatches += 1;
      return State.MISMATCH;
    }
    this.counts.verified += 1;
    return State.VERIFIED;
  }

  #changeStatus(event) {
    const { position } = this;
    const isSameEpoch = position !== null && event.epoch === position.epoch;
    if (isSameEpoch && !this.#isNext(event)) {
      this.state = State.GAP;
      return;
    }
    this.position = { epoch: event.epoch, seq: event.seq };
    this.lastStatus = this.#numberedStatus = event;
    // A book that was lost, or has a new leader, needs a snapshot.
    if (UPDATABLE.has(this.state) && (event.status !== "live" || !isSameEpoch)) {
      this.state = State.SYNCING;
    }
  }

  #lag(event) {
    this.counts.lagged += 1;
    this.lagReason = event.reason;
    if (event.missed === null) this.counts.missedUnknown = true;
    else this.counts.missed += event.missed;
    this.state = State.LAGGED;
  }
}

// ------------------------------------------------------------------------ the events of a stream

// A snapshot with 1,000 levels per side has about 70 KiB.
const MAX_MESSAGE = 1 << 20;

/** A parser of Server-Sent Events, for chunks that are split anywhere. */
export class SseParser {
  #rest = "";
  #id = null;
  #data = [];
  #retry = null;
  #size = 0;

  /** Return the messages that end in `text`: `{id, data, retry}`, each null if it is absent. */
  feed(text) {
    const messages = [];
    // A CR at the end may be the first half of a line end.
    const held = (this.#rest + text).endsWith("\r") ? "\r" : "";
    const lines = (this.#rest + text).slice(0, held ? -1 : undefined).split(/\r\n|\n|\r/);
    this.#rest = lines.pop() + held;
    for (const line of lines) {
      this.#size += line.length;
      if (line === "") messages.push(...this.#end());
      else this.#parse(line);
    }
    if (this.#size + this.#rest.length > MAX_MESSAGE) throw new Error("a message has no end");
    return messages;
  }

  #parse(line) {
    const [, name, value] = /^([^:]*):? ?(.*)$/s.exec(line);
    if (name === "data") this.#data.push(value);
    else if (name === "id") this.#id = value;
    else if (name === "retry" && /^\d{1,9}$/.test(value)) this.#retry = Number(value);
  }

  *#end() {
    const data = this.#data.length > 0 ? this.#data.join("\n") : null;
    if (data !== null || this.#retry !== null) yield { id: this.#id, data, retry: this.#retry };
    this.#id = this.#retry = null;
    this.#data = [];
    this.#size = 0;
  }
}

// The api sends a comment after 15 s without an event.
const SILENCE = 20_000;
const FIRST_DELAY = 500;
const MAX_DELAY = 30_000;
// The longest `Retry-After` that is obeyed.
const MAX_RETRY_AFTER = 600_000;
const IS_IT_AN_API = "is this the address of a kraken-book api?";
const MAX_START = 64 * 1024;
// A stream that lasted this long has proved that the address is right.
const PROVEN = 20_000;

/** The events of an address, over as many connections as it needs.
 *
 * It reconnects after a lost connection, and resumes after the last event. `fetch` is used rather
 * than EventSource, which can send no key and gives up for good after an error.
 */
export class EventStream {
  #url;
  #listener;
  #headers;
  #name;
  #aborter = new AbortController();
  #lastId = null;
  #failures = 0;
  #delay = null;
  #hasOpened = false;
  #abortConnection = null;

  /** Begin to read. `listener` may have these methods:
   *
   * - `onOpen()`: the stream has opened; what follows begins each book again;
   * - `onResumed()`: it has opened again after the last event;
   * - `onEvent(event)`: the next event, an object; it may return a promise, to be awaited;
   * - `onInterrupted(reason)`: the connection is lost; it will be tried again;
   * - `onRefused(error)`: the api refuses the request for good (Refused), and the stream has ended.
   *
   * @param {string | URL} url The address of a stream.
   * @param {object} listener The methods above.
   * @param {{key?: string | null, name?: string}} options `key` is sent as a Bearer token. One that
   * no header can carry throws a TypeError. `name` is the member that every event has, a text.
   */
  constructor(url, listener, { key = null, name = "symbol" } = {}) {
    this.#url = url;
    this.#listener = listener;
    this.#headers = { Accept: "text/event-stream", ...authorization(key) };
    this.#name = name;
    this.#run();
  }

  /** End the stream; the listener is not called any more. */
  close() {
    this.#aborter.abort();
  }

  /** Request snapshots of all books, because one is broken. */
  restart() {
    this.#lastId = null;
    this.#abortConnection?.();
  }

  get #isClosed() {
    return this.#aborter.signal.aborted;
  }

  async #run() {
    while (!this.#isClosed) {
      try {
        await this.#connect();
      } catch (error) {
        if (this.#isClosed) return;
        if (error instanceof Refused) {
          this.close();
          this.#listener.onRefused?.(error);
          return;
        }
        this.#listener.onInterrupted?.(String(error?.message ?? error));
      }
      await this.#pause();
    }
  }

  /** Read one connection until it ends; throw the reason. */
  async #connect() {
    const connection = new AbortController();
    const abort = () => connection.abort(new Error("closed"));
    this.#aborter.signal.addEventListener("abort", abort);
    this.#abortConnection = () => connection.abort(new Error("a book is broken"));
    // A caller that is slow with an event must not look like a server that is silent.
    const timely = async (answer) => {
      const timer = setTimeout(() => connection.abort(new Error("nothing heard for 20 s")), SILENCE);
      try {
        return await answer;
      } finally {
        clearTimeout(timer);
      }
    };
    const startedAt = Date.now();
    try {
      const { signal } = connection;
      const resumed = this.#lastId === null ? {} : { "Last-Event-ID": this.#lastId };
      const headers = { ...this.#headers, ...resumed };
      const response = await timely(fetch(this.#url, { headers, cache: "no-store", signal }));
      await timely(this.#check(response));
      if (this.#hasOpened && this.#lastId !== null) this.#listener.onResumed?.();
      else this.#listener.onOpen?.();
      this.#hasOpened = true;
      await this.#read(response.body, timely, signal);
      throw new Error("the stream ended");
    } catch (error) {
      throw connection.signal.aborted && !(error instanceof Refused) ? connection.signal.reason : error;
    } finally {
      this.#abortConnection = null;
      this.#aborter.signal.removeEventListener("abort", abort);
      connection.abort();
      if (Date.now() - startedAt > PROVEN) this.#failures = 0;
    }
  }

  async #read(body, timely, signal) {
    const parser = new SseParser();
    const decoder = new TextDecoder();
    const reader = body.getReader();
    for (;;) {
      const { value, done } = await timely(reader.read());
      if (done) return;
      for (const message of parser.feed(decoder.decode(value, { stream: true }))) {
        if (message.retry !== null) this.#delay = Math.min(message.retry, MAX_DELAY);
        if (message.data === null) continue;
        await this.#listener.onEvent?.(parsed(message.data, this.#name));
        // After `restart` the id of this event must not be kept.
        if (signal.aborted) return;
        this.#lastId = message.id ?? this.#lastId;
      }
    }
  }

  /** Throw Refused if a retry does not help, or another error if it may. */
  async #check(response) {
    const type = response.headers.get("Content-Type") ?? "";
    if (response.status === 200 && type.startsWith("text/event-stream")) return;
    const error = await errorOf(response, "the answer is no stream");
    this.#delay = retryAfter(response.headers.get("Retry-After"));
    if (response.status !== 400 || this.#lastId === null) throw error;
    // The id may be the cause; without it the request may succeed.
    this.#lastId = null;
    throw new Error(`400: ${error.message}`);
  }

  async #pause() {
    this.#failures += 1;
    const backOff = Math.min(MAX_DELAY, FIRST_DELAY * 2 ** (this.#failures - 1)) * (0.5 + Math.random() / 2);
    // A server that accepts each request and ends it at once is not asked without a pause.
    const least = this.#failures > 1 ? backOff : 0;
    const delay = this.#delay === null ? backOff : Math.max(this.#delay, least);
    this.#delay = null;
    const { signal } = this.#aborter;
    await new Promise((resolve) => {
      const timer = setTimeout(end, delay);
      function end() {
        clearTimeout(timer);
        signal.removeEventListener("abort", end);
        resolve();
      }
      signal.addEventListener("abort", end);
    });
  }
}

/** Return the headers that carry a key; throw a TypeError if no header can. */
function authorization(key) {
  if (key === null) return {};
  if (!/^[\x21-\x7e]+$/.test(key)) {
    throw new TypeError("the key is invalid: use printable ASCII characters without spaces");
  }
  return { Authorization: `Bearer ${key}` };
}

/** Return the object in `data` if its member `name` is a text, else null. */
function parsed(data, name) {
  try {
    const event = JSON.parse(data);
    return typeof event?.[name] === "string" ? event : null;
  } catch {
    return null;
  }
}

/** Return the milliseconds of a `Retry-After`, which has seconds or a date; null without one. */
function retryAfter(text) {
  const milliseconds = /^\d+$/.test(text ?? "") ? 1000 * Number(text) : Date.parse(text ?? "") - Date.now();
  return milliseconds > 0 ? Math.min(milliseconds, MAX_RETRY_AFTER) : null;
}

/** Return the error of an answer: Refused if a retry does not help.
 *
 * `unexpected` says what is wrong with an answer whose status is 200.
 */
async function errorOf(response, unexpected) {
  const { detail, code } = await problemOf(response, unexpected);
  const mayPass = response.status >= 500 || response.status === 429;
  return mayPass ? new Error(`${response.status}: ${detail}`) : new Refused(response.status, detail, code);
}

/** Return the explanation of an error answer: the api's problem+json, or what it is instead. */
async function problemOf(response, unexpected) {
  const type = response.headers.get("Content-Type") ?? "";
  if (type.startsWith("application/problem+json")) {
    try {
      const { detail, type: urn } = JSON.parse(await startOf(response.body));
      return { detail: String(detail), code: String(urn).split(":").pop() };
    } catch (error) {
      if (!(error instanceof SyntaxError)) throw error;
    }
  }
  response.body?.cancel().catch(() => {});
  const detail = response.status === 200 ? unexpected : "the answer is not the api's";
  return { detail: `${detail}; ${IS_IT_AN_API}`, code: null };
}

/** Return the start of a body: enough for every problem of the api, and for its best prices. */
async function startOf(body) {
  const decoder = new TextDecoder();
  const reader = body.getReader();
  let text = "";
  while (text.length < MAX_START) {
    const { value, done } = await reader.read();
    if (done) return text;
    text += decoder.decode(value, { stream: true });
  }
  return text;
}

// ---------------------------------------------------------------------------------------- watch

/** Yield each book of `symbols` whenever it has changed, verified by its checksum.
 *
 * Each book is one LiveBook, which changes in place. A lost connection is made again without limit;
 * meanwhile `isLive` is false, and nothing is lost when the stream resumes. Leaving the loop ends the
 * stream, and no book is live any more. Throws Refused if the api will never serve the request.
 *
 * @param {string | URL} url The address of the api, with a path prefix if there is one.
 * @param {string[] | string} symbols Names in any spelling, such as "BTC/USD" or "binance:btc-usdt",
 * wildcards such as "binance:*" or "*:BTC/USD", exclusions such as "!binance:*"; "*" is all books.
 * @param {{key?: string | null, log?: (text: string) => void}} options `key` is sent as a Bearer
 * token; `log` gets the reason of each lost connection, by default `console.warn`.
 * @returns {AsyncGenerator<LiveBook>}
 */
export async function* watch(url, symbols, { key = null, log = console.warn } = {}) {
  const books = new Map();
  // Each changed book once; the stream waits while the caller is behind.
  const changed = new Set();
  let wake = () => {};
  let taken = () => {};
  let refused = null;
  const note = (book) => {
    changed.add(book);
    wake();
    return new Promise((resolve) => (taken = resolve));
  };
  const noteAll = (change) => {
    for (const book of books.values()) {
      change(book);
      note(book);
    }
  };
  const stream = new EventStream(streamAddress(url, symbols), {
    onOpen: () => noteAll((book) => (book.begin(), (book.isConnected = true))),
    onResumed: () => noteAll((book) => (book.resume(), (book.isConnected = true))),
    onInterrupted(reason) {
      log(`${url}: no stream: ${reason}; trying again`);
      noteAll((book) => (book.isConnected = false));
    },
    onRefused: (error) => ((refused = error), wake()),
    onEvent(event) {
      if (event === null) return stream.restart();
      if (!books.has(event.symbol)) books.set(event.symbol, new LiveBook(event.symbol));
      const book = books.get(event.symbol);
      if (!book.apply(event)) return undefined;
      if (book.isBroken) stream.restart();
      return note(book);
    },
  }, { key });
  try {
    for (;;) {
      while (changed.size === 0) {
        if (refused !== null) throw refused;
        await new Promise((resolve) => (wake = resolve));
      }
      const [book] = changed;
      changed.delete(book);
      yield book;
      if (changed.size === 0) taken();
    }
  } finally {
    stream.close();
    for (const book of books.values()) book.isConnected = false;
    taken();
  }
}

/** Return the address of the stream of `symbols`, below the address of an api. */
export function streamAddress(url, symbols) {
  const names = [symbols].flat().map(encodeURIComponent).join(",");
  return below(url, `stream?symbols=${names}`);
}

function below(url, path) {
  const base = new URL(url);
  if (!base.pathname.endsWith("/")) base.pathname += "/";
  return new URL(path, base).href;
}

// ------------------------------------------------------------------------------ the best prices

const ANSWER_TIME = 10_000;

/** Return the best bid and ask of one pair over all venues, and its book at each venue in short.
 *
 * The api has verified the books. `best` counts only those that are live. Throws Refused if a retry
 * does not help, such as for an unknown pair, and another Error if it may: no answer within 10 s, a
 * 429 or a 503.
 *
 * @param {string | URL} url The address of the api, with a path prefix if there is one.
 * @param {string} pair The pair in any spelling, such as "BTC/USD".
 * @param {{key?: string | null}} options `key` is sent as a Bearer token.
 * @returns {Promise<object>} The answer of `GET /best/{pair}`: `pair`, `best` and `venues`.
 */
export async function getBest(url, pair, { key = null } = {}) {
  const headers = { Accept: "application/json", ...authorization(key) };
  const signal = AbortSignal.timeout(ANSWER_TIME);
  const response = await fetch(bestAddress(url, pair), { headers, cache: "no-store", signal });
  const unexpected = "the answer has no best prices";
  if (response.status !== 200) throw await errorOf(response, unexpected);
  const answer = parsed(await startOf(response.body), "pair");
  if (!hasVenues(answer)) throw new Refused(200, `${unexpected}; ${IS_IT_AN_API}`);
  return answer;
}

/** Yield the answer of `getBest` now and whenever it has changed.
 *
 * A lost connection is made again without limit. Meanwhile the last answer is yielded once more, with
 * no live book and so without best prices. A caller that is slow gets the newest answer only. Leaving
 * the loop ends the stream. Throws Refused if the api will never serve the request.
 *
 * @param {string | URL} url The address of the api, with a path prefix if there is one.
 * @param {string} pair The pair in any spelling, such as "BTC/USD".
 * @param {{key?: string | null, interval?: string, log?: (text: string) => void}} options `key` is
 * sent as a Bearer token; `interval` is the least time between two answers, from "10ms" to "60s";
 * `log` gets the reason of each lost connection, by default `console.warn`.
 * @returns {AsyncGenerator<object>}
 */
export async function* watchBest(url, pair, { key = null, interval = "100ms", log = console.warn } = {}) {
  let last = null;
  let isNew = false;
  let isLost = false;
  let refused = null;
  let wake = () => {};
  const note = (answer) => {
    last = answer;
    isNew = true;
    wake();
  };
  const address = bestAddress(url, pair, `/stream?interval=${encodeURIComponent(interval)}`);
  const stream = new EventStream(address, {
    onInterrupted(reason) {
      log(`${url}: no stream: ${reason}; trying again`);
      if (last !== null && !isLost) note(withoutLive(last));
      isLost = true;
    },
    onRefused: (error) => ((refused = error), wake()),
    onEvent(answer) {
      if (!hasVenues(answer)) return stream.restart();
      isLost = false;
      return note(answer);
    },
  }, { key, name: "pair" });
  try {
    for (;;) {
      while (!isNew) {
        if (refused !== null) throw refused;
        await new Promise((resolve) => (wake = resolve));
      }
      isNew = false;
      yield last;
    }
  } finally {
    stream.close();
  }
}

function hasVenues(answer) {
  return Array.isArray(answer?.venues);
}

/** Return an answer of best prices as the api shows it without Redis: no book is live. */
function withoutLive(answer) {
  const venues = answer.venues.map((each) =>
    each.status === "live" ? { ...each, status: "stale", reason: "disconnected" } : each,
  );
  return { ...answer, best: { bid: null, ask: null, spread: null, is_crossed: false }, venues };
}

function bestAddress(url, pair, rest = "") {
  return below(url, `best/${encodeURIComponent(pair)}${rest}`);
}
