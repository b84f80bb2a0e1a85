"""The client: books from an api, proved again at the reader.

In the order that data flows: `address` says where an api is, with the proxies and certificates of
the `environment`; `watching` has `watch`, whose iterators in `following` connect and move bytes,
and say with `failure` why they cannot; `sse` makes messages of the bytes, `session` knows what they
mean for a stream, `live_book` is a verified book with what the stream says of it. `refused`
understands answers that are not a stream. `listing` asks for the list of symbols. Only `following`
and `listing` do I/O.
"""

from kraken_book.client.listing import list_symbols
from kraken_book.client.live_book import LiveBook
from kraken_book.client.watching import Watch, watch
from kraken_book.errors import Refused, UnknownSymbol, Unreachable
from kraken_book.verified_book import Counts

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
