// The newest events of a book, as they came.

import { asciiJson } from "./json.js";

/** Keeps the last `most` events. While it is paused, the list stays, and later events are counted. */
export class EventLog {
  /** All events since the log began. */
  count = 0;
  /** The events that came since the pause, 0 without one. */
  held = 0;
  #most;
  // Oldest first.
  #events = [];
  // The list at the time of the pause, null without one.
  #paused = null;

  constructor(most) {
    this.#most = most;
  }

  get isPaused() {
    return this.#paused !== null;
  }

  /** The listed events, newest first: `[{number, event}]`, numbered from 1 in the order they came. */
  get newest() {
    return (this.#paused ?? this.#events).slice(-this.#most).reverse();
  }

  add(event) {
    this.count += 1;
    if (this.isPaused) this.held += 1;
    this.#events.push({ number: this.count, event });
    // Half of the list is removed at once, because each removal moves the others.
    if (this.#events.length > 2 * this.#most) this.#events = this.#events.slice(-this.#most);
  }

  pause() {
    this.#paused ??= this.#events.slice(-this.#most);
  }

  /** List the newest events again; those that came in between are among them if there is room. */
  resume() {
    this.#paused = null;
    this.held = 0;
  }

  clear() {
    this.#events = [];
    this.count = 0;
    this.resume();
  }
}

// Of a snapshot with many levels only the beginning is shown.
const MOST_TEXT = 4000;

/** Return the texts of an event's row: `{kind, position, checksum, text}`. */
export function rowTexts(event) {
  const text = asciiJson(event);
  const more = text.length - MOST_TEXT;
  return {
    kind: String(event.kind),
    position: Number.isInteger(event.seq) ? `${event.epoch}, ${event.seq}` : "none",
    checksum: Number.isInteger(event.checksum) ? String(event.checksum) : "none",
    text: more > 0 ? `${text.slice(0, MOST_TEXT)} … and ${more.toLocaleString("en")} more characters` : text,
  };
}
