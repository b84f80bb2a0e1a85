"""Follow twenty books on one connection, and tell once a second whose spread is the widest.

python examples/follow_twenty.py
"""

import asyncio
import os
from decimal import Decimal

import httpx

from kraken_book import LiveBook, Watch, watch

URL = os.environ.get("KRAKEN_BOOK_URL", "http://localhost:3000")


def spread_bps(book: LiveBook) -> Decimal:
    """How far the best ask is above the best bid, in hundredths of a percent."""
    assert book.best_bid is not None
    assert book.best_ask is not None
    bid, ask = Decimal(book.best_bid.price), Decimal(book.best_ask.price)
    return (ask - bid) / bid * 10_000


async def tell(books: Watch) -> None:
    """Look at the books once a second, while the loop below keeps them up to date."""
    while True:
        await asyncio.sleep(1)
        live = [book for book in books.books.values() if book.is_live and book.spread]
        if live:
            widest = max(live, key=spread_bps)
            print(
                f"{len(live)} live, widest {widest.symbol} {spread_bps(widest):.2f} bps", flush=True
            )
        else:
            print(f"no live book: {books.outage or 'they are syncing'}", flush=True)


async def main() -> None:
    """Follow the first twenty books that there are."""
    async with httpx.AsyncClient() as client:
        symbols = (await client.get(f"{URL}/symbols")).raise_for_status().json()[:20]
    async with watch(URL, *symbols) as books, asyncio.TaskGroup() as tasks:
        tasks.create_task(tell(books))
        async for _ in books:
            pass


try:
    asyncio.run(main())
except KeyboardInterrupt:
    print("done")
