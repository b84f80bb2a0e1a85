// What developers find below a book: commands that read it, and its raw events.

import { apiUrl } from "../data/address.js";
import { keptKey } from "../data/key.js";
import { make } from "../parts/dom.js";
import { clean } from "../parts/words.js";
import { CommandList } from "./command_list.js";
import { bookCommands } from "./commands.js";
import { EventList } from "./event_list.js";

export class DeveloperPanel {
  element;
  #events;
  #removeKeys;

  /** `followed` is the FollowedBook, `painter` and `keys` are those of the page. */
  constructor({ followed, painter, keys }) {
    const commands = new CommandList("Read this book by curl, Python or JavaScript");
    commands.element.querySelector("summary").append(" ", make("kbd", "", {}, "d"));
    commands.show(bookCommands(followed.symbol, apiUrl, keptKey() !== null));
    this.#events = new EventList(followed, painter);
    this.element = make("section", "developer-panel", { "aria-label": `For developers: ${clean(followed.symbol)}` }, commands.element, this.#events.element);
    this.#removeKeys = keys.add("For developers", [
      { key: "d", does: "show or hide the commands that read this book", run: () => commands.toggle() },
      { key: "r", does: "show or hide the raw events", run: () => this.#events.toggle() },
      { key: "x", does: "pause or continue the raw events", run: () => this.#events.togglePause() },
    ]);
  }

  /** The events come between two paintings, and the list paints them itself. */
  paint() {}

  close() {
    this.#removeKeys();
    this.#events.close();
    this.element.remove();
  }
}
