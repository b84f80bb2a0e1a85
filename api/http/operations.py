"""The declarations of all routes."""

from __future__ import annotations

from api.http.answers import (
    BestAnswer,
    BookAnswer,
    BookSummary,
    EventsAnswer,
    Health,
    QuoteAnswer,
    Readiness,
    StatusAnswer,
    StoredEvent,
    TicketAnswer,
)
from api.http.declared import EVENT_STREAM, HTML, JAVASCRIPT, JSON, SVG, TEXT, Operation
from api.http.event_parameters import AFTER, FORMAT, FROM, LIMIT, TO
from api.http.parameters import (
    BEST_INTERVAL,
    EVENT_ID,
    INTERVAL,
    LEVELS,
    ORDER_SIDE,
    PAIR,
    QUANTITY,
    SYMBOL,
    SYMBOLS,
    VIEW,
    WATERMARK,
)
from api.http.problem_kinds import OF_BOOK, OF_LIST, OF_STREAM_LIMIT, OF_SYMBOL
from kraken_book.event import Event

SOURCE, AGE = "X-Book-Source", "X-Book-Age-Ms"
FIRST_ID, LAST_ID, TRIMMED = "X-Events-First-Id", "X-Events-Last-Id", "X-Events-Trimmed"
_BOOKS, _STREAMS, _OPERATION, _ABOUT = "books", "streams", "operation", "documentation"

TAGS = {
    _BOOKS: "Answers with the present state of books.",
    _STREAMS: "Events of books as Server-Sent Events.",
    _OPERATION: "For those who run the service.",
    _ABOUT: "The page, and the specifications.",
}

DEPTH = Operation(
    "/depth/{symbol:path}",
    "getDepth",
    _BOOKS,
    "One book, or only its best levels",
    "The answer contains each write that Redis acknowledged before the request arrived. A 503 has"
    " the last known book.",
    answer=BookAnswer,
    parameters=(SYMBOL, LEVELS),
    headers=(SOURCE, AGE, "ETag", "Cache-Control"),
    problems=OF_BOOK,
    can_be_unchanged=True,
)
QUOTE = Operation(
    "/quote/{symbol:path}",
    "getQuote",
    _BOOKS,
    "What a market order would pay or receive now",
    "Levels are taken from the best one until the quantity is filled, without fees. Sums are exact;"
    " `average` has 28 significant digits. A 503 has the last known book, as in `/depth`.",
    answer=QuoteAnswer,
    parameters=(SYMBOL, ORDER_SIDE, QUANTITY),
    headers=(SOURCE, AGE, "Cache-Control"),
    problems=OF_BOOK,
)
BEST = Operation(
    "/best/{pair:path}",
    "getBest",
    _BOOKS,
    "The best bid and ask of one pair over all venues",
    "The book of the pair at each venue in short, and the best bid and ask over those that are"
    " `live`. Prices are compared exactly; quotes such as USD and USDT are never mixed. The `ETag`"
    " does not depend on the ages.",
    answer=BestAnswer,
    parameters=(PAIR,),
    headers=(SOURCE, "ETag", "Cache-Control"),
    problems=("unknown-symbol", *OF_LIST),
    can_be_unchanged=True,
)
SYMBOL_LIST = Operation(
    "/symbols",
    "getSymbols",
    _BOOKS,
    "The available symbols",
    "The configured symbols of all venues whose subscription the venue has acknowledged, sorted.",
    answer=list[str],
    headers=(SOURCE, "ETag", "Cache-Control"),
    problems=OF_LIST,
    can_be_unchanged=True,
)
BOOK_LIST = Operation(
    "/books",
    "getBooks",
    _BOOKS,
    "A summary of each configured book",
    "Sorted by symbol. The `ETag` does not depend on the ages.",
    answer=list[BookSummary],
    headers=(SOURCE, "ETag", "Cache-Control"),
    problems=OF_LIST,
    can_be_unchanged=True,
)
EVENTS = Operation(
    "/events/{symbol:path}",
    "getEvents",
    _BOOKS,
    "The events of one book that Redis still holds",
    "Oldest first, page by page: `next` leads to the next page, and is null if no event of the part"
    " follows. A page ends at `limit` events or about 1 MiB, so it may have fewer events although"
    " there is a `next`. `is_trimmed` tells that events before the first one may be gone.",
    answer=EventsAnswer,
    line=StoredEvent,
    parameters=(SYMBOL, FROM, AFTER, TO, LIMIT, FORMAT),
    headers=(SOURCE, FIRST_ID, LAST_ID, TRIMMED, "Link", "Cache-Control"),
    problems=("unknown-symbol", *OF_LIST, "corrupt-events"),
)
BOOK_STREAM = Operation(
    "/stream/{symbol:path}",
    "streamBook",
    _STREAMS,
    "The events of one book",
    "The stream begins with a snapshot. Each later event follows once, in order. With `levels`,"
    " `view` or `interval`, each event with levels is a snapshot. If the cause of an error may"
    " pass, the stream opens and waits.",
    EVENT_STREAM,
    Event,
    parameters=(SYMBOL, EVENT_ID, LEVELS, VIEW, INTERVAL),
    headers=(SOURCE, "Cache-Control", "X-Accel-Buffering"),
    problems=(*OF_SYMBOL, *OF_LIST, *OF_STREAM_LIMIT),
    takes_ticket=True,
)
BOOKS_STREAM = Operation(
    "/stream",
    "streamBooks",
    _STREAMS,
    "The events of many books",
    "The events of each book follow once, in order. Wildcards include books that appear later."
    " An `id` is a watermark: everything up to this time has been sent.",
    EVENT_STREAM,
    Event,
    parameters=(SYMBOLS, WATERMARK, LEVELS, VIEW, INTERVAL),
    headers=(SOURCE, "Cache-Control", "X-Accel-Buffering"),
    problems=(*OF_SYMBOL, *OF_LIST, *OF_STREAM_LIMIT),
    takes_ticket=True,
)
BEST_STREAM = Operation(
    "/best/{pair:path}/stream",
    "streamBest",
    _STREAMS,
    "The best bid and ask of one pair over all venues, at each change",
    "Each event is a whole answer of `/best`, without an id. It is sent if the best prices, or a"
    " book's status or best levels have changed, at most once in `interval`; the last state is"
    " always sent. If the cause of an error may pass, the stream opens and waits.",
    EVENT_STREAM,
    BestAnswer,
    parameters=(PAIR, BEST_INTERVAL),
    headers=(SOURCE, "Cache-Control", "X-Accel-Buffering"),
    problems=(
        *("unknown-symbol", *OF_LIST),
        *("too-many-symbols", "too-many-streams", "too-many-views", "replica-full"),
    ),
    takes_ticket=True,
)
TICKET = Operation(
    "/tickets",
    "postTicket",
    _STREAMS,
    "A ticket for one stream, in exchange for a key or a token",
    "A browser's `EventSource` cannot send headers. A ticket in its address, `?ticket=`, opens one"
    " stream within 60 seconds, on any replica. An api that needs no keys has no tickets.",
    answer=TicketAnswer,
    headers=("Cache-Control",),
    problems=("no-such-route", "redis-away", "too-many-tickets"),
    method="POST",
    status=201,
)
HEALTH = Operation(
    "/healthz",
    "getHealth",
    _OPERATION,
    "Whether the process is alive",
    "It does not ask Redis.",
    answer=Health,
    is_public=True,
    is_limited=False,
)
READINESS = Operation(
    "/readyz",
    "getReadiness",
    _OPERATION,
    "Whether Redis can be read and this replica is not stopping",
    "",
    answer=Readiness,
    problems=("redis-away", "draining", "newer-contract"),
    is_public=True,
    is_limited=False,
)
STATUS = Operation(
    "/status",
    "getStatus",
    _OPERATION,
    "The collectors of each venue, Redis, and this replica",
    "What the leading collectors report once a second, with the age of each report. It is read at"
    " most once a second. It has host names and process ids of collectors: an api with keys"
    " needs one for all symbols here. It is a 200 also if Redis is away.",
    answer=StatusAnswer,
    headers=("Cache-Control",),
    problems=("key-forbids",),
)
METRICS = Operation(
    "/metrics",
    "getMetrics",
    _OPERATION,
    "Figures in Prometheus's text format",
    "",
    TEXT,
    problems=("key-forbids",),
)
OPENAPI = Operation(
    "/openapi.json",
    "getOpenapi",
    _ABOUT,
    "This specification (OpenAPI 3.1)",
    "",
    JSON,
    headers=("Cache-Control",),
    is_public=True,
)
ASYNCAPI = Operation(
    "/asyncapi.json",
    "getAsyncapi",
    _ABOUT,
    "The specification of the streams (AsyncAPI 3.0)",
    "",
    JSON,
    headers=("Cache-Control",),
    is_public=True,
)

PAGE = Operation(
    "/",
    "getPage",
    _ABOUT,
    "The page, which shows the books in a browser",
    "",
    HTML,
    headers=("Cache-Control",),
    is_public=True,
    ignores_query=True,
)
DOCS = Operation(
    "/docs",
    "getDocs",
    _ABOUT,
    "This specification as a page",
    "A 404 if the package swagger-ui-bundle is not installed.",
    HTML,
    headers=("Cache-Control",),
    is_public=True,
    problems=("no-such-route",),
    ignores_query=True,
)
JAVASCRIPT_MODULE = Operation(
    "/kraken-book.js",
    "getJavascriptModule",
    _ABOUT,
    "The module that reads and verifies books in JavaScript",
    "",
    JAVASCRIPT,
    headers=("Cache-Control",),
    is_public=True,
    ignores_query=True,
)
FAVICON = Operation(
    "/favicon.ico",
    "getFavicon",
    _ABOUT,
    "The icon of the page",
    "",
    SVG,
    headers=("Cache-Control",),
    is_public=True,
    ignores_query=True,
)
ROBOTS = Operation(
    "/robots.txt",
    "getRobots",
    _ABOUT,
    "The rules for crawlers",
    "",
    TEXT,
    is_public=True,
    ignores_query=True,
)

OPERATIONS = (
    SYMBOL_LIST,
    BOOK_LIST,
    DEPTH,
    QUOTE,
    BEST,
    EVENTS,
    BOOK_STREAM,
    BOOKS_STREAM,
    BEST_STREAM,
    TICKET,
    HEALTH,
    READINESS,
    METRICS,
    STATUS,
    PAGE,
    DOCS,
    OPENAPI,
    ASYNCAPI,
    JAVASCRIPT_MODULE,
    FAVICON,
    ROBOTS,
)
"""All operations, in the order of the documentation. Mounts have files only, and are not here."""

OF_READERS = tuple(each for each in OPERATIONS if each not in (HEALTH, READINESS, METRICS))
"""All operations but those that API_OPS_PORT moves to another port."""

PUBLIC_PATHS = frozenset({"page", *(each.first_part for each in OPERATIONS if each.is_public)})
"""The first parts of the paths that need no key."""


def is_stream(path: str) -> bool:
    """Return whether a path is that of a stream, whose query may have a ticket."""
    first, *others = path.strip("/").split("/")
    if first == BEST_STREAM.first_part:
        return others[-1:] == ["stream"]
    return first == BOOKS_STREAM.first_part


UNLIMITED_PATHS = frozenset(each.path for each in OPERATIONS if not each.is_limited)
"""The paths that do not count for the limit of requests."""
