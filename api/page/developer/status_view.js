// The page for operators: the collectors of each venue, Redis, and the replicas that have answered.

import { apiUrl } from "../data/address.js";
import { now } from "../data/clock.js";
import { keptKey } from "../data/key.js";
import { make } from "../parts/dom.js";
import { mark, write } from "../parts/texts.js";
import { venueTitle } from "../parts/words.js";
import { hashOf } from "../routes.js";
import { CommandList } from "./command_list.js";
import { statusCommands } from "./commands.js";
import { booksText, collectorRows, connectionRows, replicaRows, troubles } from "./status_facts.js";
import { StatusPoll } from "./status_poll.js";
import { StatusTable } from "./status_table.js";

// Behind a balancer each request may reach another replica.
const MOST_REPLICAS = 50;
const REPLICA_KEPT = 60_000;

const COLLECTOR_TITLES = ["Shard", "Status", "Last report", "Leader", "Epoch", "Books", "Mismatches", "Resyncs", "Redis"];
const CONNECTION_TITLES = ["Shard", "Connection", "State", "Last frame", "Lag", "Symbols", "Reconnects", "Venue's system"];
const REPLICA_TITLES = ["Replica", "Status", "Answered", "Version", "Runs for", "Streams", "Redis"];

export class StatusView {
  element;
  #books;
  #painter;
  #poll;
  #removeKeys;
  #summary = make("p", "summary", { role: "status" }, "Asking for the status…");
  #back = make("a", "", { "aria-keyshortcuts": "Escape" }, "All books");
  #title = make("h2", "", { tabindex: "-1" }, "Status");
  #replicas = new StatusTable("Replicas that have answered", REPLICA_TITLES, 1);
  #feeds = make("div", "feeds");
  // By venue.
  #sections = new Map();
  #last = { answer: null, askedAt: null };
  #failure = null;
  // By name, in the order of their last answers.
  #met = new Map();

  constructor({ books, painter, router, keys }) {
    this.#books = books;
    this.#painter = painter;
    this.#back.href = hashOf(router.table);
    const commands = new CommandList("Read the status by curl, Python or JavaScript");
    commands.show(statusCommands(apiUrl, keptKey() !== null));
    const replicas = make("section", "panel", { "aria-label": "Replicas" }, make("h3", "", {}, "Replicas of the api"),
      make("p", "hint", {}, "Those that have answered this page in the last minute. A replica does not know the others."), this.#replicas.element);
    this.element = make("article", "status-page", {}, make("nav", "", { "aria-label": "Books" }, this.#back), this.#title, this.#summary, this.#feeds, replicas, commands.element);
    this.#removeKeys = keys.add("Status", [
      { key: "Escape", does: "back to all books", run: () => router.open(router.table) },
    ]);
    this.#poll = new StatusPoll((found) => this.#take(found));
  }

  show() {
    this.#books.follow([]);
    this.#title.focus({ preventScroll: true });
    window.scrollTo(0, 0);
  }

  update() {
    this.#painter.soon(this);
  }

  paintBook() {}

  paint() {
    const { answer, askedAt } = this.#last;
    if (answer === null && this.#failure === null) return;
    const since = answer === null ? 0 : now() - askedAt;
    const found = troubles(answer, since, this.#failure);
    write(this.#summary, found.join(" ") || "● All collectors report, and Redis answers.");
    mark(this.#summary, "trouble", found.length > 0 ? "" : null);
    this.#replicas.show(replicaRows([...this.#met.values()], now()));
    for (const feed of answer?.feeds ?? []) this.#section(feed.venue).paint(feed, since, this.#books.list);
  }

  close() {
    this.#poll.close();
    this.#removeKeys();
    this.element.remove();
  }

  #take({ answer, askedAt, failure }) {
    this.#failure = failure;
    if (answer !== null) {
      this.#last = { answer, askedAt };
      this.#meet(answer);
    }
    this.#painter.soon(this);
  }

  #meet({ replica, redis }) {
    this.#met.delete(replica.name);
    this.#met.set(replica.name, { replica, redis, answeredAt: now() });
    for (const [name, { answeredAt }] of this.#met) {
      if (this.#met.size > MOST_REPLICAS || now() - answeredAt > REPLICA_KEPT) this.#met.delete(name);
    }
  }

  /** Return the section of a venue; a venue never leaves the answers. */
  #section(venue) {
    if (!this.#sections.has(venue)) {
      const section = new FeedSection(venue);
      this.#sections.set(venue, section);
      this.#feeds.append(section.element);
    }
    return this.#sections.get(venue);
  }
}

class FeedSection {
  element;
  #venue;
  #books = make("p", "books");
  #collectors;
  #connections;

  constructor(venue) {
    const title = venueTitle(venue);
    this.#venue = venue;
    this.#collectors = new StatusTable(`Collectors of ${title}`, COLLECTOR_TITLES, 1);
    this.#connections = new StatusTable(`Connections to ${title}`, CONNECTION_TITLES, 2);
    this.element = make("section", "panel", { "aria-label": title }, make("h3", "", {}, title), this.#books, this.#collectors.element, this.#connections.element);
    mark(this.element, "venue", venue);
  }

  paint(feed, since, books) {
    write(this.#books, booksText(books, this.#venue));
    this.#collectors.show(collectorRows(feed, since));
    this.#connections.show(connectionRows(feed, since));
  }
}
