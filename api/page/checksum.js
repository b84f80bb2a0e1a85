// Kraken's checksum of a book: CRC-32 (IEEE) of the digits of the best ten asks, then bids.
// https://docs.kraken.com/api/docs/guides/spot-ws-book-v2

import { checksumDigits } from "./decimal.js";

const LEVELS = 10;

const TABLE = Uint32Array.from({ length: 256 }, (_, byte) => {
  let remainder = byte;
  for (let bit = 0; bit < 8; bit += 1) {
    remainder = remainder & 1 ? (remainder >>> 1) ^ 0xedb88320 : remainder >>> 1;
  }
  return remainder;
});

/** Return the unsigned CRC-32 (IEEE) of an ASCII text. */
export function crc32(text) {
  let crc = 0xffffffff;
  for (let index = 0; index < text.length; index += 1) {
    crc = TABLE[(crc ^ text.charCodeAt(index)) & 0xff] ^ (crc >>> 8);
  }
  return ~crc >>> 0;
}

export function bookChecksum(book) {
  return crc32(sideText(book.asks) + sideText(book.bids));
}

function sideText(side) {
  return side
    .best(LEVELS)
    .map(([price, qty]) => checksumDigits(price) + checksumDigits(qty))
    .join("");
}
