// The fields above the table: search, filters, favourites, and the columns on a narrow screen.

import { mark, write } from "../parts/texts.js";
import { venueTitle } from "../parts/words.js";
import { ANY } from "./choice.js";
import { STATUS_CHOICES, countsText } from "./words.js";

// With more books than this, the table has search and filters.
const MANY = 12;

export class Filters {
  #element;
  #choice;
  #onChange;
  #venues = [];

  /** `onChange` is called after the visitor has changed the choice. */
  constructor(element, choice, onChange) {
    this.#element = element;
    this.#choice = choice;
    this.#onChange = onChange;
    const options = Object.entries(STATUS_CHOICES).map(([value, text]) => new Option(text, value));
    this.#part("status").replaceChildren(...options);
    this.#part("search").addEventListener("input", () => this.#change({ text: this.search.value }));
    this.#part("venue").addEventListener("change", () => this.#change({ venue: this.#part("venue").value }));
    this.#part("status").addEventListener("change", () => this.#change({ status: this.#part("status").value }));
    this.#onPressed("favourites", "hasOnlyFavourites");
    this.#onPressed("columns", "hasAllColumns");
    this.#part("clear").addEventListener("click", () => this.#clear());
  }

  get search() {
    return this.#part("search");
  }

  get hasVenues() {
    return this.#venues.length > 1;
  }

  /** Offer the venues of the books. A chosen one that has no book any more is not chosen further. */
  takeVenues(venues) {
    this.#part("counts").removeAttribute("role");
    if (venues.length > 0 && !venues.includes(this.#choice.venue) && this.#choice.venue !== ANY) {
      this.#choice.change({ venue: ANY });
    }
    if (venues.join() === this.#venues.join()) return;
    this.#venues = venues;
    const [all] = this.#part("venue").options;
    const options = venues.map((venue) => new Option(venueTitle(venue), venue));
    this.#part("venue").replaceChildren(all, ...options);
  }

  /** Show the choice, and the numbers of all books, of those in the table, and of favourites. */
  show({ all, shown, favourites }) {
    const choice = this.#choice;
    // A filter in use is never hidden.
    const isNeeded = all > MANY || choice.isFiltering;
    for (const name of ["search", "status"]) this.#part(name).parentElement.hidden = !isNeeded;
    this.#part("favourites").hidden = !isNeeded;
    this.#part("venue").parentElement.hidden = !this.hasVenues;
    this.#part("clear").hidden = !choice.isFiltering;
    for (const [name, value] of [["search", choice.text], ["venue", choice.venue], ["status", choice.status]]) {
      if (this.#part(name).value !== value) this.#part(name).value = value;
    }
    this.#part("favourites").setAttribute("aria-pressed", choice.hasOnlyFavourites);
    this.#part("columns").setAttribute("aria-pressed", choice.hasAllColumns);
    write(this.#part("favourite-count"), String(favourites));
    write(this.#part("counts"), all === 0 ? "" : countsText(shown, all));
    mark(this.#element, "filtering", choice.isFiltering ? "" : null);
  }

  #clear() {
    this.#choice.clear();
    this.#onChange();
    this.search.focus();
  }

  #onPressed(name, member) {
    this.#part(name).addEventListener("click", () => this.#change({ [member]: !this.#choice[member] }));
  }

  #change(members) {
    this.#choice.change(members);
    // The answer to the visitor is read out; later changes are not, because they come by themselves.
    this.#part("counts").setAttribute("role", "status");
    this.#onChange();
  }

  #part(name) {
    return this.#element.querySelector(`[data-part="${name}"]`);
  }
}
