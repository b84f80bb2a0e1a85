// JSON in printable ASCII: no text of others can hide or turn what is shown.

/** Return a value as JSON; its texts are literals of JavaScript and of Python too. */
export function asciiJson(value) {
  return JSON.stringify(value).replace(/[^\x20-\x7e]/g, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`);
}
