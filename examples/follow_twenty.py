"""Follow twenty books on one connection, and print the one with the widest spread every second.

python examples/follow_twenty.py
"""

import asyncio
import os
from decimal import Decimal

from kraken_book import AsyncClient, LiveBook, Watch, watch
from kraken_book.printable import printable
from kraken_book.programs import ends_quietly

URL = os.environ.get("KRAKEN_BOOK_URL", "http://localhost:3000")


def spread_bps(book: LiveBook) -> Decimal:
    """Return the spread in basis points of the best bid."""
    assert book.best_bid is not None
    assert book.best_ask is not None
    bid, ask = Decimal(book.best_bid.price), Decimal(book.best_ask.price)
    return (ask - bid) / bid * 10_000


async def follow(books: Watch) -> None:
    """Keep the books up to date."""
    async for _ in books:
        pass


async def main() -> None:
    """Follow the first twenty books of the api, and compare them once a second."""
    async with AsyncClient(URL) as client:
        symbols = (await client.get_symbols())[:20]
    async with watch(URL, symbols) as books:
        following = asyncio.create_task(follow(books))
        while not following.done():
            await asyncio.wait([following], timeout=1)
            live = [book for book in books.books.values() if book.is_live and book.spread]
            if live:
                widest = max(live, key=spread_bps)
                name, spread = printable(widest.symbol), spread_bps(widest)
                print(f"{len(live)} live, widest {name} {spread:.2f} bps", flush=True)
            else:
                print(f"no live book: {books.outage or 'they are syncing'}", flush=True)
        await following


with ends_quietly("follow_twenty"):
    try:
        asyncio.run(main())
    except KeyboardInterrupt:
        print("done")
