"""Print a book's spread whenever it changes, until Ctrl-C.

python examples/spread.py
"""

import os

from kraken_book import watch
from kraken_book.programs import ends_quietly

URL = os.environ.get("KRAKEN_BOOK_URL", "http://localhost:3000")

last = None
with ends_quietly("spread", interrupted=0):
    for book in watch(URL, "BTC/USD"):
        now = book.spread if book.is_live else f"not known: {book.status}"
        if now != last:
            print(book.symbol, now, flush=True)
            last = now
