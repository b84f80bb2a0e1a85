// Write values into the page.

import { isDecimal } from "../kraken-book.js";
import { splitZeros } from "./decimal.js";
import { clean } from "./words.js";

export const NOTHING = "—";

/** Return an age in milliseconds as seconds, with tenths below 10 s. */
export function ageText(age) {
  if (age === null) return NOTHING;
  const seconds = age / 1000;
  return `${seconds.toFixed(seconds < 10 ? 1 : 0)} s`;
}

export function countText(count) {
  return count.toLocaleString("en");
}

/** Set an element's text if it differs. */
export function write(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

/** Set the text of a `.decimal`; its second child gets the zeros that only show the precision. */
export function writeDecimal(element, text) {
  const [digits, zeros] = isDecimal(text) ? splitZeros(text) : [clean(text), ""];
  write(element.firstElementChild, digits);
  write(element.lastElementChild, zeros);
}

/** Set a data attribute, or remove it if `value` is null. */
export function mark(element, name, value) {
  if (value === null) delete element.dataset[name];
  else if (element.dataset[name] !== String(value)) element.dataset[name] = value;
}

/** Return a copy of the only element in a `<template>`. */
export function fromTemplate(id) {
  return document.getElementById(id).content.firstElementChild.cloneNode(true);
}
