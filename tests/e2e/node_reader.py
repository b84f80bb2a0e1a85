"""Programs in Node that read an api with `kraken-book.js`, and print lines of JSON."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from lab.node import find_node

MODULE = Path(__file__).parents[2] / "api" / "page" / "kraken-book.js"

# Prints a line for each changed book.
READER = """
import { watch } from "./kraken-book.js"
const [url, symbols, key, most] = process.argv.slice(2)
const log = (text) => console.log(JSON.stringify({ log: text }))
function show(book) {
  console.log(JSON.stringify({
    symbol: book.symbol, isLive: book.isLive, state: book.state, isConnected: book.isConnected,
    position: book.position, bids: book.bids(), asks: book.asks(), counts: book.counts,
  }))
}
let last = null
let shown = 0
try {
  for await (const book of watch(url, symbols.split(","), { key: key || null, log })) {
    show(book)
    last = book
    shown += 1
    if (shown === Number(most)) break
  }
  show(last)
} catch ({ name, status, code }) {
  console.log(JSON.stringify({ name, status, code }))
}
"""

# Prints the answer of `getBest`, then those of `watchBest`.
BEST_READER = """
import { getBest, watchBest } from "./kraken-book.js"
const [url, pair, key, mode] = process.argv.slice(2)
const log = (text) => console.log(JSON.stringify({ log: text }))
try {
  if (mode !== "watch") console.log(JSON.stringify(await getBest(url, pair, { key: key || null })))
  if (mode !== "get") {
    const answers = watchBest(url, pair, { key: key || null, interval: "10ms", log })
    for await (const answer of answers) console.log(JSON.stringify(answer))
  }
} catch ({ name, status, code, message }) {
  console.log(JSON.stringify({ name, status, code, message }))
}
"""


class NodeReader:
    """A process of Node that reads an api.

    Args:
        folder: The folder of the program.
        url: The address of the api.
        arguments: The arguments of the program after the address.
        program: The program.

    """

    def __init__(self, folder: Path, url: str, *arguments: str, program: str = READER) -> None:
        (folder / "kraken-book.js").write_bytes(MODULE.read_bytes())
        (folder / "reader.mjs").write_text(program)
        self._process = subprocess.Popen(
            [find_node(), "reader.mjs", url, *arguments],
            cwd=folder,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def lines(self) -> Iterator[dict[str, Any]]:
        """Yield what it prints, until it ends."""
        assert self._process.stdout is not None
        yield from map(json.loads, self._process.stdout)

    def books(self) -> Iterator[dict[str, Any]]:
        """Yield the books among them."""
        return (line for line in self.lines() if "state" in line)

    def close(self) -> None:
        """End it."""
        self._process.kill()
        self._process.communicate()
