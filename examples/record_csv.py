"""Write the best bid and ask of two books as CSV until Ctrl-C.

python examples/record_csv.py > books.csv
"""

import csv
import os
import sys

from kraken_book import watch
from kraken_book.programs import ends_quietly

URL = os.environ.get("KRAKEN_BOOK_URL", "http://localhost:3000")
COLUMNS = ["exchange_time", "symbol", "seq", "bid", "bid_qty", "ask", "ask_qty", "status"]

with ends_quietly("record_csv", interrupted=0):
    rows = csv.writer(sys.stdout)
    rows.writerow(COLUMNS)
    try:
        for book in watch(URL, "BTC/USD", "ETH/USD"):
            bid, ask = book.best_bid, book.best_ask
            # The status distinguishes a gap in the data from a quiet market.
            best = [bid and bid.price, bid and bid.qty, ask and ask.price, ask and ask.qty]
            rows.writerow([book.exchange_time, book.symbol, book.seq, *best, book.status])
    except KeyboardInterrupt:
        print("done", file=sys.stderr)
