// Addresses of the api, relative to this file, so that they are right behind a proxy's path too.

export const BASE = new URL("../..", import.meta.url);

/** Return the address of a route of the api; `path` is relative and encoded. */
export function apiUrl(path) {
  return new URL(path, BASE).href;
}
