// Where the api is: one folder above this one, wherever a proxy puts both.

export const BASE = new URL("..", import.meta.url);

/** The address of one of the api's routes; `path` is relative and already encoded. */
export function apiUrl(path) {
  return new URL(path, BASE).href;
}

/** The stream of several books. */
export function streamUrl(symbols) {
  return apiUrl(`stream?symbols=${symbols.map(encodeURIComponent).join(",")}`);
}
