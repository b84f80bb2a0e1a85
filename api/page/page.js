// Wires the page: /books to the table, the stream to the ladders, and both to what is said in words.

import { apiUrl } from "./address.js";
import { Feed } from "./feed.js";
import { FollowedBook } from "./followed.js";
import { Ladder } from "./ladder.js";
import { Overview } from "./overview.js";
import { Painter } from "./painter.js";
import { BooksPoll } from "./poll.js";
import { MOST_LADDERS, selected, toggle } from "./selection.js";
import { NOTHING, mark, write } from "./texts.js";
import { clean, listed, quoted } from "./words.js";

// Ages grow while nothing happens.
const TICK = 500;

const painter = new Painter();
const overview = new Overview(document.getElementById("overview"), toggleLadder);
const feed = new Feed();
const poll = new BooksPoll(onBooks, onFailure);
const headline = { paint: paintHeadline };
// Symbol → Ladder and symbol → FollowedBook, in the order of the ladders.
let ladders = new Map();
let followed = new Map();
let books = [];
let isAnswered = false;
let isKnown = false;
// The symbol that could not be opened because there were too many ladders.
let refusedOpening = null;

function onBooks(answer) {
  books = answer;
  isAnswered = isKnown = true;
  write(document.getElementById("outage"), "");
  for (const book of books) followed.get(book.symbol)?.takePolled(book);
  arrange();
}

function onFailure(why) {
  isKnown = false;
  write(document.getElementById("outage"), `${why}. This page keeps trying.`);
  arrange();
}

function toggleLadder(symbol) {
  refusedOpening = toggle(symbol, [...ladders.keys()]) ? null : symbol;
  arrange();
}

/** Let the ladders be those that are selected, and the table and the notices say so. */
function arrange() {
  const selection = selected(books);
  for (const [symbol, ladder] of ladders) {
    if (!selection.symbols.includes(symbol)) ladder.element.remove();
  }
  followed = new Map(selection.symbols.map((symbol) => [symbol, followed.get(symbol) ?? followBook(symbol)]));
  ladders = new Map(selection.symbols.map((symbol) => [symbol, ladders.get(symbol) ?? makeLadder(symbol)]));
  placeLadders();
  read();
  overview.take(books, followed, isKnown);
  paintSource();
  paintNotices(selection);
  paintCommands();
  paintAllLater();
}

function followBook(symbol) {
  const polled = books.find((book) => book.symbol === symbol);
  return new FollowedBook(polled, feed, () => paintLater(symbol));
}

function makeLadder(symbol) {
  const ladder = new Ladder(followed.get(symbol), () => toggleLadder(symbol));
  painter.soon(ladder);
  return ladder;
}

/** Read the books of the ladders, but none that Kraken refuses, and none while nobody looks. */
function read() {
  const readable = new Map();
  for (const [symbol, book] of followed) {
    if (document.hidden || book.polled.status === "refused") book.pause();
    else readable.set(symbol, book);
  }
  feed.follow(readable);
}

function placeLadders() {
  const section = document.getElementById("ladders");
  [...ladders.values()].forEach(({ element }, index) => {
    const there = section.children[index] ?? null;
    if (there !== element) section.insertBefore(element, there);
  });
}

function paintLater(symbol) {
  for (const view of [ladders.get(symbol), overview.row(symbol), headline]) {
    if (view !== undefined) painter.soon(view);
  }
}

/** All in one frame, so that a book's row and its ladder never differ. */
function paintAllLater() {
  for (const view of [overview, headline, ...ladders.values()]) painter.soon(view);
}

/** Where the books come from: simulated if any is, and nothing is claimed before it is known. */
function paintSource() {
  const sources = new Set(books.map((book) => book.source).filter(Boolean));
  const source = sources.has("simulated") ? "simulated" : ([...sources][0] ?? null);
  mark(document.documentElement, "source", source);
  document.getElementById("simulated").hidden = source !== "simulated";
}

function paintNotices({ symbols, unknown, tooMany }) {
  const notices = [];
  // Before there is any book, no name is known.
  if (unknown.length > 0 && books.length > 0) {
    notices.push(`No book here is called ${listed(unknown)}. The table has the names of those that there are.`);
  }
  const more = tooMany.length > 0 ? listed(tooMany) : refusedOpening && quoted(refusedOpening);
  if (more) notices.push(`At most ${MOST_LADDERS} ladders are open at a time. Close one to open ${more}.`);
  write(document.getElementById("notice"), notices.join(" "));
  document.getElementById("no-ladder").hidden = symbols.length > 0 || books.length === 0;
  write(document.getElementById("no-book"), emptyText());
}

function emptyText() {
  if (books.length > 0) return "";
  if (isKnown) return "There is no book yet: no collector has said which symbols it follows.";
  return isAnswered ? "There was no book at the last answer." : "Asking for the books…";
}

function paintHeadline() {
  const { source } = document.documentElement.dataset;
  const [first] = followed.values();
  document.title = `${source === "simulated" ? "simulated · " : ""}${first ? headlineOf(first) : "kraken-book"}`;
  const isProved = [...followed.values()].some((book) => book.source === "kraken" && book.verdict.doubt === null);
  const kraken = isProved ? "live Kraken" : "Kraken: no live book shown";
  const badge = document.getElementById("kraken");
  write(badge, source === "kraken" ? kraken : "");
  mark(badge, "proved", isProved ? "" : null);
}

function headlineOf({ symbol, reader, verdict }) {
  if (verdict.doubt !== null) return `${clean(symbol)} ${clean(verdict.status)}`;
  const [bid, ask] = [reader.book.bestBid, reader.book.bestAsk];
  return `${bid?.[0] ?? NOTHING} / ${ask?.[0] ?? NOTHING} ${clean(symbol)}`;
}

/** Commands that work: for a book that is there, at the address that this page has. */
function paintCommands() {
  const [open] = ladders.keys();
  const symbol = open ?? books.find((book) => book.status !== "refused")?.symbol;
  for (const element of document.querySelectorAll("[data-command]")) {
    const { command, path } = element.dataset;
    const isOfBook = path.endsWith("/");
    element.hidden = isOfBook && symbol === undefined;
    if (!element.hidden) write(element, `${command} ${apiUrl(isOfBook ? path + encodeURIComponent(symbol) : path)}`);
  }
}

/** A page that nobody sees holds no connection; seen again, it begins afresh. */
function onVisibility() {
  if (document.hidden) poll.stop();
  else poll.start();
  read();
}

/** A page that is left, and maybe kept for the way back, reads nothing either. */
function onLeaving() {
  poll.stop();
  for (const book of followed.values()) book.pause();
  feed.follow(new Map());
}

function onTick() {
  if (!document.hidden) feed.tick();
  paintAllLater();
}

document.addEventListener("visibilitychange", onVisibility);
window.addEventListener("pagehide", onLeaving);
window.addEventListener("pageshow", ({ persisted }) => persisted && onVisibility());
window.addEventListener("hashchange", () => {
  refusedOpening = null;
  arrange();
});
setInterval(onTick, TICK);
paintCommands();
onVisibility();
