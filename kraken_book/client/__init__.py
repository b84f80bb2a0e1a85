"""The client: books from an api, proved again at the reader.

In the order that data flows: `address` says where an api is, with the proxies and certificates of
the `environment`; `watching` has `watch`, whose iterators in `following` connect and move bytes,
and say with `failure` why they cannot; `sse` makes messages of the bytes, `session` knows what they
mean for a stream, `live_book` rebuilds and proves each book. `refused` understands answers that are
not a stream. `listing` asks for the list of symbols. Only `following` and `listing` do I/O.
"""

from kraken_book.client.listing import list_symbols
from kraken_book.client.live_book import Counts, LiveBook
from kraken_book.client.refused import Refused, UnknownSymbol, Unreachable
from kraken_book.client.watching import Watch, watch

__all__ = [
    "Counts",
    "LiveBook",
    "Refused",
    "UnknownSymbol",
    "Unreachable",
    "Watch",
    "list_symbols",
    "watch",
]
