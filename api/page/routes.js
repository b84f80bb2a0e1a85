// The address of each view, in the fragment. This is the only module that reads and writes it.
//
//   #BTC/USD,eth-usd    the table and these ladders; without names the first ladders
//   #/BTC/USD           one book, in any spelling
//   #/status            the page for operators; every symbol has a second part, so no name is taken

// The address after every ladder was closed.
const NONE = "none";
const STATUS = "/status";

/** Return the open view: `{view: "ladders", names}`, `{view: "book", name}` or `{view: "status"}`.
 *
 * Names are as written in the address. `names` is null if the address has no fragment.
 */
export function currentRoute() {
  return routeOf(location.hash);
}

/** Return the route of a fragment. */
export function routeOf(hash) {
  const text = decoded(hash.replace(/^#/, ""));
  if (text.toLowerCase() === STATUS) return { view: "status" };
  if (/^\/[^,]+$/.test(text)) return { view: "book", name: text.slice(1) };
  return { view: "ladders", names: text === "" ? null : namesIn(text) };
}

/** Return the fragment of a route, for a link. */
export function hashOf(route) {
  if (route.view === "status") return `#${STATUS}`;
  if (route.view === "book") return `#/${encodeURI(route.name)}`;
  if (route.names === null) return "#";
  return `#${route.names.map(encodeURI).join(",") || NONE}`;
}

/** Calls a listener with each new route. */
export class Router {
  /** The last route of the table, to return to it. */
  table = { view: "ladders", names: null };
  /** The route before the one of the address, null before the second. */
  previous = null;
  #current = null;
  #listener;

  /** `listener` is called when a link, the back button or this router has changed the address. */
  constructor(listener) {
    this.#listener = listener;
    window.addEventListener("hashchange", () => this.start());
  }

  /** Call the listener with the route of the address. */
  start() {
    const route = currentRoute();
    if (route.view === "ladders") this.table = route;
    this.previous = this.#current;
    this.#current = route;
    this.#listener(route);
  }

  /** Open a view; the back button returns from it. */
  open(route) {
    location.hash = hashOf(route);
  }

  /** Change the address of the open view, without a step for the back button. */
  replace(route) {
    history.replaceState(null, "", hashOf(route));
    this.start();
  }
}

function namesIn(text) {
  const names = text.split(",").map((name) => name.trim());
  return [...new Set(names)].filter((name) => name !== "" && name.toLowerCase() !== NONE);
}

function decoded(text) {
  try {
    return decodeURIComponent(text);
  } catch (error) {
    if (error instanceof URIError) return text;
    throw error;
  }
}
