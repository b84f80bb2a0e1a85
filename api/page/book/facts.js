// The facts about the trust in a book: each has a name, words and a shape.

import { NOTHING, ageText, countText, mark, write } from "../parts/texts.js";
import { clean, laggedText } from "../parts/words.js";
import { venueOf } from "../data/selection.js";
import { connectionWords, eventsWords, proofWords, sourceWords } from "./words.js";

// The shapes before the words; the style sheet colours them.
const SHAPES = { good: "✓", plain: "", notice: "◆", doubt: "▲", bad: "✕" };

export class Facts {
  #followed;
  // By name.
  #fields;

  /** `list` is the <dl> that gets the facts of `followed`, a FollowedBook. */
  constructor(list, followed) {
    this.#followed = followed;
    this.#fields = new Map(Object.keys(this.#facts()).map((name) => [name, new Field(list, name)]));
  }

  paint() {
    for (const [name, [text, kind]] of Object.entries(this.#facts())) this.#fields.get(name).show(text, kind);
  }

  /** Return each fact's words and the kind of its shape. */
  #facts() {
    const { symbol, reader, polled, verdict, age, source, connection, streams } = this.#followed;
    const { verified, mismatches, lagged, conflated } = reader.counts;
    const { position } = reader;
    const isStale = verdict.status === "stale";
    return {
      status: [clean(verdict.status), verdict.doubt === null ? "good" : "doubt"],
      stream: [connectionWords(connection), connection === "open" ? "good" : "doubt"],
      verified: [eventsWords(verified), verified > 0 ? "good" : "plain"],
      mismatches: [countText(mismatches), mismatches > 0 ? "bad" : "plain"],
      proof: [proofWords(reader.proof ?? polled.proof ?? null), "plain"],
      age: [ageText(age), isStale ? "doubt" : "plain"],
      epoch: [position ? String(position.epoch) : NOTHING, "plain"],
      seq: [position ? String(position.seq) : NOTHING, "plain"],
      resumed: [countText(streams.resumed), streams.resumed > 0 ? "notice" : "plain"],
      lagged: [laggedText(reader.counts), lagged > 0 ? "bad" : "plain"],
      conflated: [countText(conflated), conflated > 0 ? "notice" : "plain"],
      source: sourceWords(source, venueOf(symbol)),
    };
  }
}

/** One fact on the screen. */
class Field {
  #description = document.createElement("dd");
  #shape = document.createElement("span");
  #text = document.createElement("span");

  constructor(list, name) {
    const box = document.createElement("div");
    const term = document.createElement("dt");
    write(term, name);
    mark(this.#description, "fact", name);
    // The words say the same.
    this.#shape.setAttribute("aria-hidden", "true");
    this.#shape.className = "shape";
    this.#description.append(this.#shape, this.#text);
    box.append(term, this.#description);
    list.append(box);
  }

  show(text, kind) {
    mark(this.#description, "kind", kind);
    write(this.#shape, SHAPES[kind]);
    write(this.#text, text);
  }
}
