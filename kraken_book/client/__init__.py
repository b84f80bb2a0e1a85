"""The client: books from an api, verified again by the reader.

In the order of the data flow: `watching` contains `watch`. `address` is the address of the api,
with the proxies and certificates of the `environment`. The iterators in `async_books` and
`blocking_books` connect and move bytes within the limits of `patience`; `failure` explains errors
of the connection. `sse` parses the bytes into messages, `session` applies the messages to the
books, and `outage` logs the time without a stream. `live_book` is a verified book with its status.
`refused` parses answers that are not a stream. `listing` requests the list of symbols.

Only `async_books`, `blocking_books` and `listing` do I/O.
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
