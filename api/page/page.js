// Wires the page: /books to the overview and the ladders, one stream to each ladder.

import { FollowedBook } from "./followed.js";
import { Ladder } from "./ladder.js";
import { Overview } from "./overview.js";
import { Painter } from "./painter.js";
import { BooksPoll } from "./poll.js";
import { selected, toggle } from "./selection.js";
import { mark, write } from "./texts.js";

// Ages grow while nothing happens.
const TICK = 500;

const painter = new Painter();
const overview = new Overview(document.getElementById("overview"), toggleLadder);
const poll = new BooksPoll(onBooks, onFailure);
const headline = { paint: paintHeadline };
// Symbol → { followed, ladder }, in the order of the ladders.
let open = new Map();
let books = [];

function onBooks(answer) {
  books = answer;
  write(document.getElementById("outage"), "");
  overview.setKnown(true);
  for (const book of books) open.get(book.symbol)?.followed.takePolled(book);
  arrange();
}

function onFailure(why) {
  write(document.getElementById("outage"), `${why}; trying again…`);
  overview.setKnown(false);
  for (const { followed } of open.values()) followed.losePolled();
}

function toggleLadder(symbol) {
  toggle(symbol, [...open.keys()]);
  arrange();
}

/** Let the ladders be those that are selected, and the overview say so. */
function arrange() {
  const symbols = selected(books);
  for (const [symbol, { followed, ladder }] of open) {
    if (symbols.includes(symbol)) continue;
    followed.close();
    ladder.element.remove();
  }
  open = new Map(symbols.map((symbol) => [symbol, open.get(symbol) ?? follow(symbol)]));
  placeLadders();
  overview.show(books, open);
  paintSource();
  painter.soon(headline);
}

function follow(symbol) {
  const followed = new FollowedBook(
    books.find((book) => book.symbol === symbol),
    () => paintLater(ladder),
  );
  const ladder = new Ladder(followed, () => toggleLadder(symbol));
  if (!document.hidden) followed.open();
  return { followed, ladder };
}

function placeLadders() {
  const section = document.getElementById("ladders");
  [...open.values()].forEach(({ ladder }, index) => {
    const there = section.children[index] ?? null;
    if (there !== ladder.element) section.insertBefore(ladder.element, there);
  });
  document.getElementById("no-ladder").hidden = open.size > 0 || books.length === 0;
}

function paintLater(ladder) {
  painter.soon(ladder);
  painter.soon(headline);
}

/** Where the books come from: simulated if any is, and nothing is claimed before it is known. */
function paintSource() {
  const sources = new Set(books.map((book) => book.source).filter(Boolean));
  const source = sources.has("simulated") ? "simulated" : ([...sources][0] ?? null);
  mark(document.documentElement, "source", source);
  document.getElementById("simulated").hidden = source !== "simulated";
  document.getElementById("kraken").hidden = source !== "kraken";
}

function paintHeadline() {
  const [first] = open.values();
  const simulated = document.documentElement.dataset.source === "simulated" ? "simulated · " : "";
  document.title = `${simulated}${first ? headlineOf(first.followed) : "kraken-book"}`;
}

function headlineOf({ symbol, reader, verdict }) {
  if (verdict.doubt !== null) return `${symbol} ${verdict.status}`;
  const [bid, ask] = [reader.book.bestBid, reader.book.bestAsk];
  return `${bid?.[0] ?? "—"} / ${ask?.[0] ?? "—"} ${symbol}`;
}

/** A page that nobody sees holds no connection; seen again, it starts afresh. */
function onVisibility() {
  if (document.hidden) poll.stop();
  else poll.start();
  for (const { followed } of open.values()) {
    if (document.hidden) followed.close();
    else followed.open();
  }
}

function onTick() {
  painter.soon(overview);
  for (const { ladder } of open.values()) painter.soon(ladder);
}

function fillCommands() {
  for (const command of document.querySelectorAll("[data-path]")) {
    write(command, `${command.textContent.trim()} ${location.origin}${command.dataset.path}`);
  }
}

fillCommands();
document.addEventListener("visibilitychange", onVisibility);
window.addEventListener("hashchange", arrange);
setInterval(onTick, TICK);
onVisibility();
