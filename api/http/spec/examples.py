"""Examples of answers, events and problems, made by the code that serves them.

The book is that of Kraken's checksum guide, so its checksum is right.
"""

from __future__ import annotations

import math
from decimal import Decimal
from typing import Any

import msgspec

from api.access.limits import LimitReached, RequestTooLarge
from api.access.permission import Denied
from api.http.answers import (
    Health,
    Readiness,
    RedisStatus,
    ReplicaStatus,
    StatusAnswer,
    TicketAnswer,
)
from api.http.best import best_answer
from api.http.books import depth_body, summary_of
from api.http.declared import Operation
from api.http.events import events_answer
from api.http.operations import (
    BEST,
    BEST_STREAM,
    BOOK_LIST,
    BOOK_STREAM,
    BOOKS_STREAM,
    DEPTH,
    EVENTS,
    HEALTH,
    QUOTE,
    READINESS,
    STATUS,
    SYMBOL_LIST,
    TICKET,
)
from api.http.problems import (
    BadParameter,
    Problem,
    denied,
    problem_body,
    problem_of,
    refused_symbol,
    unavailable,
)
from api.http.quotes import quote_answer
from api.http.status import feed_status
from api.store.book_store import BookWithAge
from api.store.corrupt_keys import Corruption
from api.store.errors import (
    CorruptBook,
    CorruptEvents,
    CorruptSymbols,
    IssuerAway,
    NoSuchSymbol,
    NoSymbols,
    RedisAway,
    ReplicaFull,
)
from api.store.feed_reports import (
    AgedReport,
    FeedReport,
    ReportedConnection,
    ReportedLeader,
    VenueReports,
)
from api.store.history import HistoryPage
from api.store.stream_entry import StreamEntry
from kraken_book import __version__
from kraken_book.book import Book
from kraken_book.book_snapshot import BookSnapshot, snapshot_of
from kraken_book.contract.book_hash import BookHash
from kraken_book.contract.version import CONTRACT
from kraken_book.event import (
    Lagged,
    StatusChange,
    render_lagged,
    render_snapshot,
    render_status,
    render_update,
)
from kraken_book.level import Best
from kraken_book.position import Position
from kraken_book.precision import Precision

_ASKS = """
45285.2 0.00100000 45286.4 1.54571953 45286.6 1.54571109 45289.6 1.54560911 45290.2 0.15890660
45291.8 1.54553491 45294.7 0.04454749 45296.1 0.35380000 45297.5 0.09945542 45299.5 0.18772827
"""
_BIDS = """
45283.5 0.10000000 45283.4 1.54582015 45282.1 0.10000000 45281.0 0.10000000 45280.3 1.54592586
45279.0 0.07990000 45277.6 0.03310103 45277.5 0.30000000 45277.3 1.54602737 45276.6 0.15445238
"""
_AT = "2026-08-02T03:35:51.660084Z"
_POSITION = Position(1785638131660, 1042)
_EVENT_ID = "1785641751660-1042"


_DENIALS = (
    Denied("key-missing", "this api needs a key: send it as Authorization: Bearer <key>"),
    Denied("key-unknown", "the key is unknown; it may have been revoked"),
    Denied("key-expired", "the key has expired; ask for a new one"),
    Denied("key-forbids", "/metrics needs a key for all symbols"),
)

_LIMITS = (
    LimitReached("requests", "600 requests a minute are allowed", 600, 2.0),
    LimitReached("streams", "20 streams at once are allowed; close one first", 20, 5.0),
    RequestTooLarge(
        "symbols", "a stream may have 10 symbols, and this one would have 11", 10, None
    ),
    LimitReached("views", "10 different choices are allowed at once", 10, 5.0),
    LimitReached("resumes", "30 resumes a minute are allowed", 30, 2.0),
    LimitReached("denials", "60 requests a minute without a valid key are allowed", 60, 2.0),
    LimitReached("tickets", "unused tickets of one key may take 131072 bytes", 131072, 9.0),
    ReplicaFull(50_000),
)


def _pairs(text: str) -> list[tuple[str, str]]:
    words = text.split()
    return list(zip(words[::2], words[1::2], strict=True))


def _book() -> Book:
    book = Book("BTC/USD", 10, Precision(1, 8))
    book.replace(book.levels(_pairs(_BIDS)), book.levels(_pairs(_ASKS)))
    return book


def _snapshot() -> BookSnapshot:
    book = _book()
    return snapshot_of(book, "kraken", book.checksum(), _AT, "checksum")


def _stored() -> BookWithAge:
    stored = BookHash(
        symbol="BTC/USD",
        status="live",
        source="kraken",
        proof="checksum",
        snapshot=_snapshot(),
        position=_POSITION,
        event_id=_EVENT_ID,
        confirmed_at=_AT,
        stream_seq=_POSITION.seq,
        stream_id=_EVENT_ID,
    )
    return BookWithAge(stored, 134)


def _page() -> HistoryPage:
    data = render_snapshot(_snapshot(), _POSITION.seq, _POSITION.epoch, _AT, None)
    entry = StreamEntry(_EVENT_ID, "snapshot", _POSITION, data)
    return HistoryPage([entry], _EVENT_ID, _EVENT_ID, "1785641751702-1043", is_trimmed=False)


def _status() -> StatusAnswer:
    connection = ReportedConnection(
        name="1", state="live", last_frame=_AT, symbols=2, lag_ms=4, system="online"
    )
    report = FeedReport(
        leader=ReportedLeader("feed-1", 4242),
        at=_AT,
        version=__version__,
        contract=str(CONTRACT),
        epoch=_POSITION.epoch,
        symbols={"live": 2},
        connections=[connection],
    )
    reports = VenueReports((AgedReport("0/1", report, 0.0),))
    replica = ReplicaStatus(
        name="5f0c2a9e", version=__version__, uptime_s=3600, is_draining=False, streams=12
    )
    feeds = [feed_status("kraken", reports, 0.4)]
    return StatusAnswer(replica=replica, redis=RedisStatus("ok", None, 1), feeds=feeds)


def answer_examples() -> dict[Operation, Any]:
    """Return an example of the answer of each operation with a type, as JSON values."""
    book = _stored()
    summary = summary_of("BTC/USD", None, book, math.inf)
    coinbase = msgspec.structs.replace(
        summary,
        symbol="coinbase:BTC/USD",
        source="coinbase",
        proof="sequence",
        best_bid=Best("45283.61", "0.04100000"),
        best_ask=Best("45285.30", "0.25000000"),
        spread="1.69",
    )
    stream = "".join(
        f"id: {_EVENT_ID}\ndata: {msgspec.json.encode(event).decode()}\n\n"
        for event in event_examples().values()
        if event["kind"] == "snapshot"
    )
    best = best_answer("BTC/USD", [summary, coinbase])
    examples: dict[Operation, object] = {
        SYMBOL_LIST: ["BTC/USD", "ETH/USD"],
        BOOK_LIST: [summary],
        DEPTH: depth_body(book, None, math.inf),
        BEST: best,
        QUOTE: quote_answer(book, "buy", Decimal("1.5"), math.inf),
        EVENTS: events_answer("BTC/USD", _page(), f"?after={_EVENT_ID}&limit=1"),
        TICKET: TicketAnswer("kbt_0aVVd0kX2YV3QzYV1rPqQkO6C6mU3b4eYtJrQp3gQ1s", 60),
        HEALTH: Health("ok", __version__, str(CONTRACT)),
        READINESS: Readiness("ready"),
        STATUS: _status(),
        BOOK_STREAM: f": kraken-book\n\n{stream}",
        BOOKS_STREAM: f": kraken-book\n\n{_opening_of_many()}",
        BEST_STREAM: f": kraken-book\n\ndata: {msgspec.json.encode(best).decode()}\n\n",
    }
    return {operation: _json(example) for operation, example in examples.items()}


def _opening_of_many() -> str:
    """Return the opening of a stream of two books: only its last event has an id, a watermark."""
    bitcoin = event_examples()["Snapshot"]
    ether = {**bitcoin, "symbol": "ETH/USD"}
    first, last = (msgspec.json.encode(event).decode() for event in (bitcoin, ether))
    watermark = _EVENT_ID.partition("-")[0]
    return f"data: {first}\n\nid: {watermark}\ndata: {last}\n\n"


def event_examples() -> dict[str, Any]:
    """Return an example of each kind of event, by the name of its type, as JSON values."""
    book, (epoch, seq) = _book(), (_POSITION.epoch, _POSITION.seq)
    best = book.asks.best
    assert best is not None
    examples = {
        "Update": render_update(
            book, seq + 1, epoch, [], [best], book.checksum(), _AT, "2026-08-02T03:35:51.702114Z"
        ),
        "Snapshot": render_snapshot(_snapshot(), seq, epoch, None, None),
        "StatusChange": render_status(
            StatusChange("BTC/USD", seq + 2, epoch, "syncing", "checksum", _AT)
        ),
        "Lagged": render_lagged(Lagged("BTC/USD", 12, "slow")),
    }
    return {name: msgspec.json.decode(example) for name, example in examples.items()}


def problem_examples() -> dict[str, Any]:
    """Return an example of each kind of problem, by its code, as JSON values."""
    known = depth_body(_stored(), 1, 0.0)
    problems = [
        BadParameter("level", "unknown; did you mean levels?"),
        *map(denied, _DENIALS),
        Problem(400, "bad-host", "there must be one Host header"),
        Problem(421, "wrong-host", "the host 'evil.example' is not served here"),
        problem_of(NoSuchSymbol("BTC/USDX", ["BTC/USD", "BTC/USDT"])),
        refused_symbol("XBT/EUR", "Currency pair not supported XBT/EUR"),
        Problem(404, "no-such-route", "there is nothing at /nothing; see /docs"),
        Problem(405, "no-such-method", "POST is not allowed here, only GET, HEAD, OPTIONS"),
        Problem(414, "uri-too-long", "the path has more than 1024 bytes"),
        Problem(500, "failure", "internal error; the log of this replica has the cause"),
        problem_of(NoSymbols()),
        unavailable("no-book", "there is no book of BTC/USD now", book=None),
        unavailable(
            "stale-book",
            "the book of BTC/USD was last confirmed to match Kraken 12034 ms ago",
            book=known,
        ),
        problem_of(
            CorruptBook(
                "kraken:book:{BTC/USD}",
                Corruption("it is no hash", "redis-cli DEL 'kraken:book:{BTC/USD}'"),
            )
        ),
        problem_of(
            CorruptSymbols(
                "kraken:symbols", Corruption("it is no hash", "redis-cli DEL kraken:symbols")
            )
        ),
        problem_of(
            CorruptEvents(
                "kraken:events:{BTC/USD}",
                Corruption("it is no stream", "redis-cli DEL 'kraken:events:{BTC/USD}'"),
            )
        ),
        problem_of(RedisAway("Redis cannot be reached", "unreachable")),
        problem_of(IssuerAway()),
        unavailable("draining", "this replica is draining"),
        unavailable(
            "newer-contract",
            "the collector of kraken writes contract 2.0, and this replica knows 1.1: it needs a"
            " newer release",
        ),
        *map(problem_of, _LIMITS),
    ]
    return {each.code: _json(problem_body(each, "/depth/BTC/USD")) for each in problems}


def _json(value: object) -> Any:
    return msgspec.json.decode(msgspec.json.encode(value))
