// Connects /books with the table, the stream with the ladders, and both with the notices.

import { apiUrl } from "./data/address.js";
import { now } from "./data/clock.js";
import { Feed } from "./data/feed.js";
import { FollowedBook } from "./data/followed.js";
import { keepKey, keptKey } from "./data/key.js";
import { BooksPoll } from "./data/poll.js";
import { MOST_LADDERS, selected, toggled, venueOf } from "./data/selection.js";
import { Ladder } from "./ladders/ladder.js";
import { PollHistory } from "./overview/history.js";
import { Overview } from "./overview/overview.js";
import { Painter } from "./parts/painter.js";
import { NOTHING, mark, write } from "./parts/texts.js";
import { clean, listed, quoted, venueTitle } from "./parts/words.js";
import { currentRoute, onRoute, replaceRoute } from "./routes.js";

// Ages grow even if no event comes, so they are painted every 500 ms.
const TICK = 500;
// Books with these sources are marked: they are not live ones of a venue.
const BANNERS = {
  replay: () => "REPLAY OF A RECORDING — not live",
  simulated: (titles) => `SIMULATED MARKETS — not ${titles.join(", ")}`,
};

const painter = new Painter();
const history = new PollHistory();
const overview = new Overview(document.getElementById("overview"), { history, painter, onToggle: toggleLadder });
const feed = new Feed();
const poll = new BooksPoll(onBooks, onFailure);
const headline = { paint: paintHeadline };
const keyForm = document.getElementById("key-form");
// By symbol, in the order of the ladders.
let ladders = new Map();
let followed = new Map();
let books = [];
let isAnswered = false;
let isKnown = false;
// The symbol whose ladder could not be opened because too many are open.
let refusedOpening = null;

function onBooks(answer) {
  books = answer;
  history.take(books, now());
  isAnswered = isKnown = true;
  write(document.getElementById("outage"), "");
  keyForm.hidden = true;
  for (const book of books) followed.get(book.symbol)?.takePolled(book);
  arrange();
}

function onFailure(why, needsKey) {
  isKnown = false;
  write(document.getElementById("outage"), needsKey ? "" : `${why}. This page keeps trying.`);
  if (needsKey) askForKey(why);
  else keyForm.hidden = true;
  arrange();
}

/** Show the form for the key; the poll goes on, because a key may be added to the api. */
function askForKey(why) {
  write(document.getElementById("key-why"), `${why}.`);
  if (!keyForm.hidden) return;
  keyForm.hidden = false;
  keyForm.elements.key.focus();
}

function toggleLadder(symbol) {
  const names = toggled(symbol, [...ladders.keys()]);
  refusedOpening = names === null ? symbol : null;
  if (names !== null) replaceRoute({ view: "ladders", names });
  arrange();
}

/** Update ladders, table and notices to the selection in the address. */
function arrange() {
  const route = currentRoute();
  const selection = selected(books, route.view === "ladders" ? route.names : [route.name ?? route.view]);
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

/** Read the books of the ladders, except refused ones, and none while the page is hidden. */
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

/** Paint everything in one frame, so that a book's row and its ladder never differ. */
function paintAllLater() {
  for (const view of [overview, headline, ...ladders.values()]) painter.soon(view);
}

/** Show the source of the books: replay or simulated if any book is, and nothing until it is known. */
function paintSource() {
  const sources = new Set(books.map((book) => book.source).filter(Boolean));
  const source = Object.keys(BANNERS).find((name) => sources.has(name)) ?? [...sources][0] ?? null;
  mark(document.documentElement, "source", source);
  const banner = document.getElementById("not-live");
  banner.hidden = !(source in BANNERS);
  const marked = books.filter((book) => book.source === source);
  write(banner.firstElementChild, BANNERS[source]?.(titlesOf(marked)) ?? "");
}

function paintNotices({ symbols, unknown, tooMany }) {
  const notices = [];
  // Without any book every name would be unknown.
  if (unknown.length > 0 && books.length > 0) {
    notices.push(`There is no book ${listed(unknown)}. The table lists all books.`);
  }
  const more = tooMany.length > 0 ? listed(tooMany) : refusedOpening && quoted(refusedOpening);
  if (more) notices.push(`At most ${MOST_LADDERS} ladders can be open. Close one to open ${more}.`);
  write(document.getElementById("notice"), notices.join(" "));
  document.getElementById("no-ladder").hidden = symbols.length > 0 || books.length === 0;
  write(document.getElementById("no-book"), emptyText());
}

function emptyText() {
  if (books.length > 0 || !keyForm.hidden) return "";
  if (isKnown) return "There is no book yet: no collector has reported its symbols.";
  return isAnswered ? "The last response had no book." : "Loading the books…";
}

function paintHeadline() {
  const { source } = document.documentElement.dataset;
  const [first] = followed.values();
  document.title = `${source in BANNERS ? `${source} · ` : ""}${first ? headlineOf(first) : "kraken-book"}`;
  const proved = [...followed.values()].filter(
    (book) => book.source === venueOf(book.symbol) && book.verdict.doubt === null,
  );
  const text = proved.length > 0 ? `live ${titlesOf(proved).join(", ")}` : `${titlesOf(books).join(", ")}: no live book shown`;
  const badge = document.getElementById("venues");
  write(badge, source === undefined || source in BANNERS ? "" : text);
  mark(badge, "proved", proved.length > 0 ? "" : null);
}

/** Return the names of the venues of some books. */
function titlesOf(some) {
  return [...new Set(some.map((book) => venueOf(book.symbol)))].map(venueTitle);
}

function headlineOf({ symbol, reader, verdict }) {
  if (verdict.doubt !== null) return `${clean(symbol)} ${clean(verdict.status)}`;
  const [bid, ask] = [reader.book.bestBid, reader.book.bestAsk];
  return `${bid?.[0] ?? NOTHING} / ${ask?.[0] ?? NOTHING} ${clean(symbol)}`;
}

/** Show commands that work: with an existing book and the address of this page. */
function paintCommands() {
  const [open] = ladders.keys();
  const symbol = open ?? books.find((book) => book.status !== "refused")?.symbol;
  for (const element of document.querySelectorAll("[data-command]")) {
    const { command, path } = element.dataset;
    const isOfBook = path.endsWith("/");
    element.hidden = isOfBook && symbol === undefined;
    const header = keptKey() === null ? "" : ' -H "Authorization: Bearer $KEY"';
    if (!element.hidden) write(element, `${command}${header} ${apiUrl(isOfBook ? path + encodeURIComponent(symbol) : path)}`);
  }
}

/** Close all connections while the page is hidden; open new ones when it is visible again. */
function onVisibility() {
  if (document.hidden) poll.stop();
  else poll.start();
  read();
}

/** Stop reading when the page is left, because browsers may keep it for the back button. */
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
onRoute(() => {
  refusedOpening = null;
  arrange();
});
keyForm.addEventListener("submit", (event) => {
  event.preventDefault();
  keepKey(keyForm.elements.key.value.trim());
});
setInterval(onTick, TICK);
paintCommands();
onVisibility();
