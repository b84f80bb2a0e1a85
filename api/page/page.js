// Opens the view of the address, and connects it with /books and the stream.
//
// A view has these members:
//
// - `element`, which it owns;
// - `show(route)`: show what the address names, first and whenever it has changed;
// - `update()`: the list of books has changed, or could not be read;
// - `paintBook(symbol)`: paint soon what shows this book;
// - `paint()`: paint everything;
// - `close()`: another view opens.

import { BookView } from "./book/view.js";
import { Books } from "./data/books.js";
import { Feed } from "./data/feed.js";
import { keepKey } from "./data/key.js";
import { BooksPoll } from "./data/poll.js";
import { venueOf } from "./data/selection.js";
import { StatusView } from "./developer/status_view.js";
import { LaddersView } from "./ladders/view.js";
import { TableOrder } from "./overview/table_order.js";
import { KeyHelp } from "./parts/key_help.js";
import { Keys } from "./parts/keys.js";
import { Painter } from "./parts/painter.js";
import { NOTHING, mark, write } from "./parts/texts.js";
import { ThemeSwitch } from "./parts/theme_switch.js";
import { clean, venueTitle } from "./parts/words.js";
import { Router } from "./routes.js";

// Ages grow even if no event comes, so they are painted every 500 ms.
const TICK = 500;
// Books with these sources are marked: they are not live ones of a venue.
const BANNERS = {
  replay: () => "REPLAY OF A RECORDING — not live",
  simulated: (titles) => `SIMULATED MARKETS — not ${titles.join(", ")}`,
};
// Without an entry, a route is shown by BookView, which explains that there is no such book.
const VIEWS = new Map([["ladders", LaddersView], ["book", BookView], ["status", StatusView]]);

const painter = new Painter();
const feed = new Feed();
const books = new Books(feed, onBook);
const poll = new BooksPoll(onBooks, onFailure);
const router = new Router(onRoute);
const keys = new Keys();
const order = new TableOrder();
const headline = { paint: paintHeadline };
const keyForm = document.getElementById("key-form");
let view = null;

function onBooks(answer) {
  write(document.getElementById("outage"), "");
  keyForm.hidden = true;
  books.take(answer);
  update();
}

function onFailure(why, needsKey) {
  books.fail();
  write(document.getElementById("outage"), needsKey ? "" : `${why}. This page keeps trying.`);
  if (needsKey) askForKey(why);
  else keyForm.hidden = true;
  update();
}

/** Show the form for the key; the poll goes on, because a key may be added to the api. */
function askForKey(why) {
  write(document.getElementById("key-why"), `${why}.`);
  if (!keyForm.hidden) return;
  keyForm.hidden = false;
  keyForm.elements.key.focus();
}

/** Show the view of a route; the open one stays if it can show it. */
function onRoute(route) {
  const View = VIEWS.get(route.view) ?? BookView;
  if (!(view instanceof View)) {
    view?.close();
    view = new View({ books, painter, router, keys, order });
    document.querySelector("main").append(view.element);
  }
  view.show(route);
  paintFrame();
}

function update() {
  view.update();
  paintFrame();
}

/** Paint what surrounds the view now, and the rest at the next frame. */
function paintFrame() {
  paintSource();
  write(document.getElementById("no-book"), emptyText());
  paintAllLater();
}

function onBook(symbol) {
  view.paintBook(symbol);
  painter.soon(headline);
}

function paintAllLater() {
  painter.soon(view);
  painter.soon(headline);
}

/** Show the source of the books: replay or simulated if any book is, and nothing until it is known. */
function paintSource() {
  const sources = new Set(books.list.map((book) => book.source).filter(Boolean));
  const source = Object.keys(BANNERS).find((name) => sources.has(name)) ?? [...sources][0] ?? null;
  mark(document.documentElement, "source", source);
  const banner = document.getElementById("not-live");
  banner.hidden = !(source in BANNERS);
  const marked = books.list.filter((book) => book.source === source);
  write(banner.firstElementChild, BANNERS[source]?.(titlesOf(marked)) ?? "");
}

function emptyText() {
  if (books.list.length > 0 || !keyForm.hidden) return "";
  if (books.isKnown) return "There is no book yet: no collector has reported its symbols.";
  return books.isAnswered ? "The last response had no book." : "Loading the books…";
}

function paintHeadline() {
  const { source } = document.documentElement.dataset;
  const followed = [...books.followed.values()];
  const title = followed.length > 0 ? headlineOf(followed[0]) : "kraken-book";
  document.title = `${source in BANNERS ? `${source} · ` : ""}${title}`;
  const proved = followed.filter((book) => book.source === venueOf(book.symbol) && book.verdict.doubt === null);
  // The list of all books is long, and this runs for each change of a book.
  const text = proved.length > 0 ? `live ${titlesOf(proved).join(", ")}` : `${titlesOf(books.list).join(", ")}: no live book shown`;
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

/** Close all connections while the page is hidden; open new ones when it is visible again. */
function onVisibility() {
  if (document.hidden) poll.stop();
  else poll.start();
  books.read();
}

/** Stop reading when the page is left, because browsers may keep it for the back button. */
function onLeaving() {
  poll.stop();
  books.pause();
}

function onTick() {
  if (!document.hidden) feed.tick();
  paintAllLater();
}

document.addEventListener("visibilitychange", onVisibility);
window.addEventListener("pagehide", onLeaving);
window.addEventListener("pageshow", ({ persisted }) => persisted && onVisibility());
keyForm.addEventListener("submit", (event) => {
  event.preventDefault();
  keepKey(keyForm.elements.key.value.trim());
});
setInterval(onTick, TICK);
const help = new KeyHelp(document.getElementById("key-help"), keys);
const theme = new ThemeSwitch(document.getElementById("theme"));
document.getElementById("keys").addEventListener("click", () => help.open());
keys.add("Everywhere", [
  { key: "?", does: "show or hide this list", run: () => help.open() },
  { key: "t", does: "change the theme: by system, light, dark", run: () => theme.next() },
]);
router.start();
onVisibility();
