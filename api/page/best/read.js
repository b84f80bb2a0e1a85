// Read the best prices from the api of this page.

import { BASE } from "../data/address.js";
import { keptKey } from "../data/key.js";
import { getBest } from "../kraken-book.js";

/** Return the answer of `GET /best/{pair}`; throw an error with the reason if there is none. */
export function readBest(pair) {
  return getBest(BASE, pair, { key: keptKey() });
}
