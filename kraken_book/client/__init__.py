"""The client: books from an api, verified again by the reader.

In the order of the data flow: `watching` contains `watch`, `blocking_client` and `async_client` the
clients that send one request at a time, and `functions` has a function for each; `arguments` checks
their arguments. `address` is the address of the api, with the proxies and certificates of the
`environment`.

A stream: the iterators in `async_books` and `blocking_books` connect and move bytes within the
limits of `patience` and the `answer_timer`. `sse` parses the bytes into messages, `session` applies
the messages to the books, and `outage` logs the time without a stream. `live_book` is a verified
book with its status. `replaying` reads books from a recording instead.

A request: `api_calls` has the requests of each method, `fetch` gets the whole answer, `attempts`
decides whether to repeat it, `depth` verifies the book in it, `best` reads the best prices of a
pair, and `past_events` has the requests and answers about events.

`failure` explains errors of the connection, and `refused` unexpected answers.
Only `async_books`, `blocking_books`, `fetch` and the two clients do I/O.
"""

from kraken_book.client.async_client import AsyncClient
from kraken_book.client.best import BestPrices, VenueLevel, VenuePrices
from kraken_book.client.blocking_client import Client
from kraken_book.client.functions import (
    get_best,
    get_book,
    get_books,
    get_events,
    get_symbols,
    iter_events,
    list_symbols,
)
from kraken_book.client.live_book import LiveBook
from kraken_book.client.past_events import EventPage, PastEvent
from kraken_book.client.replaying import replay
from kraken_book.client.watching import Watch, watch
from kraken_book.errors import Refused, UnknownSymbol, Unreachable
from kraken_book.frozen_book import FrozenBook
from kraken_book.verified_book import Counts

__all__ = [
    "AsyncClient",
    "BestPrices",
    "Client",
    "Counts",
    "EventPage",
    "FrozenBook",
    "LiveBook",
    "PastEvent",
    "Refused",
    "UnknownSymbol",
    "Unreachable",
    "VenueLevel",
    "VenuePrices",
    "Watch",
    "get_best",
    "get_book",
    "get_books",
    "get_events",
    "get_symbols",
    "iter_events",
    "list_symbols",
    "replay",
    "watch",
]
