"""The client: books from an api, proved again at the reader.

In the order that data flows: `address` says where an api is, `watching` connects and moves bytes,
`sse` makes messages of them, `session` knows what they mean for a stream, `live_book` rebuilds and
proves each book. What the api answers instead of a stream is `refused`'s. Only `watching` does I/O.
"""

from kraken_book.client.live_book import Counts, LiveBook
from kraken_book.client.refused import Refused, UnknownSymbol
from kraken_book.client.watching import Watch, watch

__all__ = ["Counts", "LiveBook", "Refused", "UnknownSymbol", "Watch", "watch"]
