// Commands that read the shown books without this page: curl, Python and JavaScript.
//
// A key is never part of them: they take it from the variable KEY.

import { asciiJson } from "./json.js";

export const LANGUAGES = [
  { name: "curl", hint: "In a shell." },
  { name: "Python", hint: "Python 3.11 or newer. The lines with kraken_book need the package; the others need nothing else." },
  { name: "JavaScript", hint: "Node 18 or newer, in a file whose name ends in .mjs." },
];

/** Return the commands of a view as `[{language, title, text}]`.
 *
 * `url` returns the address of a path of the api, and `needsKey` is whether the api needs a key.
 * `symbols` are the books of the view.
 */
export function bookCommands(symbol, url, needsKey) {
  const name = encodeURIComponent(symbol);
  return [
    curl("The book now", url(`depth/${name}`), needsKey),
    curl("Its events, as they come", url(`stream/${name}`), needsKey, "-N "),
    curl("Its past events", url(`events/${name}`), needsKey),
    pythonRead("The book now", url(`depth/${name}`), needsKey, ['print(answer["status"], answer["best_bid"], answer["best_ask"])']),
    pythonWatch("The book, verified at each change", url(""), [symbol], needsKey),
    nodeRead("The book now", url(`depth/${name}`), needsKey, ["console.log(answer.status, answer.best_bid, answer.best_ask)"]),
    nodeWatch("The book, verified at each change", url(""), [symbol], needsKey),
  ];
}

/** Return the commands of all books, and of the open ones; `open` may be empty. */
export function listCommands(open, url, needsKey) {
  const list = [
    curl("All books in short", url("books"), needsKey),
    pythonRead("All books in short", url("books"), needsKey, ["for book in answer:", '    print(book["symbol"], book["status"], book["best_bid"], book["best_ask"])']),
    nodeRead("All books in short", url("books"), needsKey, ["for (const book of answer) console.log(book.symbol, book.status, book.best_bid, book.best_ask)"]),
  ];
  if (open.length === 0) return list;
  const title = open.length === 1 ? "The open book" : "The open books";
  return [
    ...list,
    curl(`${title}: events, as they come`, url(`stream?symbols=${open.map(encodeURIComponent).join(",")}`), needsKey, "-N "),
    pythonWatch(`${title}, verified at each change`, url(""), open, needsKey),
    nodeWatch(`${title}, verified at each change`, url(""), open, needsKey),
  ];
}

/** Return the commands of the page for operators. */
export function statusCommands(url, needsKey) {
  const title = "The status now";
  return [
    curl(title, url("status"), needsKey),
    pythonRead(title, url("status"), needsKey, ["print(json.dumps(answer, indent=2))"]),
    nodeRead(title, url("status"), needsKey, ["console.log(JSON.stringify(answer, null, 2))"]),
  ];
}

function curl(title, address, needsKey, options = "") {
  const header = needsKey ? '-H "Authorization: Bearer $KEY" ' : "";
  return { language: "curl", title, text: `curl ${options}${header}${shellWord(address)}` };
}

function pythonRead(title, address, needsKey, lines) {
  const header = needsKey ? ', headers={"Authorization": "Bearer " + os.environ["KEY"]}' : "";
  const text = [
    `import json${needsKey ? ", os" : ""}, urllib.request`,
    "",
    `request = urllib.request.Request(${asciiJson(address)}${header})`,
    "answer = json.load(urllib.request.urlopen(request, timeout=10))",
    ...lines,
  ];
  return { language: "Python", title, text: text.join("\n") };
}

function pythonWatch(title, address, symbols, needsKey) {
  const text = [
    ...(needsKey ? ["import os", ""] : []),
    "from kraken_book import watch",
    "",
    `for book in watch(${asciiJson(address)}, [${symbols.map(asciiJson).join(", ")}]${needsKey ? ', key=os.environ["KEY"]' : ""}):`,
    "    if book.is_live:",
    "        print(book.symbol, book.best_bid, book.best_ask, flush=True)",
  ];
  return { language: "Python", title, text: text.join("\n") };
}

function nodeRead(title, address, needsKey, lines) {
  const options = needsKey ? ", { headers: { Authorization: `Bearer ${process.env.KEY}` } }" : "";
  const text = [`const response = await fetch(${asciiJson(address)}${options})`, "const answer = await response.json()", ...lines];
  return { language: "JavaScript", title, text: text.join("\n") };
}

/** The module is loaded from the api, which needs no file beside the program. */
function nodeWatch(title, address, symbols, needsKey) {
  const text = [
    `const source = await (await fetch(${asciiJson(`${address}kraken-book.js`)})).text()`,
    'const { watch } = await import("data:text/javascript," + encodeURIComponent(source))',
    `for await (const book of watch(${asciiJson(address)}, [${symbols.map(asciiJson).join(", ")}]${needsKey ? ", { key: process.env.KEY }" : ""})) {`,
    "  if (book.isLive) console.log(book.symbol, book.bestBid, book.bestAsk)",
    "}",
  ];
  return { language: "JavaScript", title, text: text.join("\n") };
}

/** Return an address as one word of a shell. Quotation marks make `?` and `&` plain characters. */
function shellWord(address) {
  const encoded = address.replaceAll("'", "%27");
  return /^[\w:/.%~,-]+$/.test(encoded) ? encoded : `'${encoded}'`;
}
