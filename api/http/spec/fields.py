"""What each member of an answer or event means, by its name: a name means the same everywhere."""

from __future__ import annotations

from typing import Any

_NUMBER = {"pattern": r"^[0-9]+(\.[0-9]+)?$"}
_TIME = {"format": "date-time"}
_COUNT = {"minimum": 0}

FIELDS: dict[str, dict[str, Any]] = {
    "symbol": {
        "description": "The symbol, such as `BTC/USD` at Kraken or `binance:BTC/USDT` elsewhere."
    },
    "pair": {"description": "The pair, such as `BTC/USD`."},
    "venue": {"description": "The name of the venue, such as `kraken`."},
    "venues": {"description": "The book of the pair at each venue that has it, Kraken first."},
    "best": {"description": "The best prices over the venues whose book is `live`."},
    "bid": {
        "description": "The highest bid; of equal prices the one with more quantity; null if there"
        " is none."
    },
    "ask": {
        "description": "The lowest ask; of equal prices the one with more quantity; null if there"
        " is none."
    },
    "is_crossed": {
        "description": "Whether the best bid of one venue is not below the best ask of another."
    },
    "kind": {"description": "The kind of the event."},
    "status": {"description": "The status of the book, process or error."},
    "reason": {"description": "The reason of it: a word, or the venue's message."},
    "source": {"description": "The venue's name, `simulated` or `replay`."},
    "proof": {
        "description": "How the collector proves that the book is its venue's: `checksum`,"
        " `sequence` or `sequence+checksum`; null if an older collector wrote it.",
    },
    "depth": {"description": "The levels of each side that the collector keeps.", **_COUNT},
    "price_precision": {"description": "The decimals of prices.", **_COUNT},
    "qty_precision": {"description": "The decimals of quantities.", **_COUNT},
    "epoch": {"description": "The number of the collector's lease; it only grows.", **_COUNT},
    "seq": {"description": "The number of the event, within its symbol.", **_COUNT},
    "event_id": {
        "description": "The id of the book's last event; a stream can resume after it.",
        "pattern": "^[0-9]+-[0-9]+$",
    },
    "id": {"description": "The id of the event, `<ms>-<seq>`.", "pattern": "^[0-9]+-[0-9]+$"},
    "time": {"description": "The time in the id, by Redis's clock.", **_TIME},
    "event": {"description": "The event, as on a stream."},
    "events": {"description": "The events, oldest first."},
    "first_id": {"description": "The id of the oldest event that the stream holds now."},
    "last_id": {"description": "The id of the newest event that the stream holds now."},
    "is_trimmed": {
        "description": "Whether events between the start of the part and the first event here may"
        " be gone, because they were too old.",
    },
    "next": {
        "description": "The address of the next page, relative to that of this one; null if no"
        " event of the part follows.",
    },
    "checksum": {
        "description": "The CRC-32 of the best ten levels of each side; null in a view without"
        " them.",
        "minimum": 0,
        "maximum": 2**32 - 1,
    },
    "exchange_time": {"description": "The time of the change at the venue.", **_TIME},
    "received_at": {"description": "The time at which the collector read the frame.", **_TIME},
    "confirmed_at": {"description": "The time at which the book was last confirmed.", **_TIME},
    "at": {"description": "The time of the change of the status.", **_TIME},
    "age_ms": {
        "description": "Milliseconds since the book was last confirmed, or the report has changed;"
        " null if unknown.",
        **_COUNT,
    },
    "best_bid": {"description": "The highest bid; null if there is none."},
    "best_ask": {"description": "The lowest ask; null if there is none."},
    "spread": {"description": "The best ask minus the best bid.", "pattern": r"^-?[0-9.]+$"},
    "bids": {"description": "Bids as `[price, quantity]`; in a book the highest comes first."},
    "asks": {"description": "Asks as `[price, quantity]`; in a book the lowest comes first."},
    "price": {"description": "A price, with all decimals.", **_NUMBER},
    "qty": {"description": "A quantity of the base currency.", **_NUMBER},
    "conflated": {"description": "The number of events that the snapshot replaces.", **_COUNT},
    "missed": {"description": "The number of missed events; null if unknown.", **_COUNT},
    "side": {"description": "`buy` takes asks, `sell` takes bids."},
    "filled": {"description": "The part of `qty` for which the book has levels.", **_NUMBER},
    "unfilled": {"description": "The rest of `qty`.", **_NUMBER},
    "total": {"description": "The sum of price times quantity over `filled`, exact.", **_NUMBER},
    "average": {"description": "`total` divided by `filled`, to 28 digits.", **_NUMBER},
    "worst": {"description": "The price of the last level that is used.", **_NUMBER},
    "levels": {"description": "The number of levels that are used.", **_COUNT},
    "ticket": {"description": "For `?ticket=` of one stream.", "pattern": "^kbt_[A-Za-z0-9_-]+$"},
    "expires_in": {"description": "The seconds for which the ticket is valid.", **_COUNT},
    "replica": {"description": "The replica that answers; it does not know the others."},
    "redis": {"description": "Redis, as this replica sees it."},
    "feeds": {"description": "The collectors of each venue, Kraken first."},
    "name": {"description": "The name of a connection, or the random one of a replica."},
    "uptime_s": {"description": "Seconds since the start of the replica.", **_COUNT},
    "is_draining": {"description": "Whether the replica is stopping."},
    "streams": {"description": "The open streams of the replica.", **_COUNT},
    "nodes": {"description": "The nodes of Redis.", **_COUNT},
    "malformed": {"description": "The reports that are left out.", **_COUNT},
    "collectors": {"description": "The last report of the leading collector of each shard."},
    "shard": {"description": "The share of the symbols, such as `0/1`."},
    "leader": {"description": "The process that wrote the report."},
    "host": {"description": "The host name; in a container its id."},
    "pid": {"description": "The process id."},
    "redis_status": {"description": "`ok`, or `trouble` if the collector has errors of Redis."},
    "books": {"description": "The number of symbols in each status, as the collector knows it."},
    "mismatches": {"description": "Wrong books since the collector started.", **_COUNT},
    "resyncs": {"description": "New subscriptions since the collector started.", **_COUNT},
    "connections": {"description": "The connections of the collector to its venue."},
    "state": {"description": "The state of the connection, such as `live`."},
    "last_frame": {"description": "The time of the last frame; null before the first.", **_TIME},
    "reconnects": {"description": "How often the connection was lost.", **_COUNT},
    "lag_ms": {"description": "Milliseconds between the venue's time and ours; null if unknown."},
    "system": {"description": "The venue's word for its own status; null if unknown."},
    "version": {"description": "The version of the program."},
    "contract": {"description": "The version of the contract that the program knows."},
    "type": {
        "description": "`urn:kraken-book:` and the stable code of the error.",
        "pattern": "^urn:kraken-book:[a-z-]+$",
    },
    "title": {"description": "The phrase of the status."},
    "detail": {"description": "What is wrong, and what would be right, for people."},
    "instance": {"description": "The requested path."},
    "parameter": {"description": "The name of the wrong parameter or header."},
    "symbols": {
        "description": "The nearest known symbols, empty if none is near; of a connection their"
        " number."
    },
    "retry_after": {"description": "Seconds after which to try again.", **_COUNT},
    "limit": {"description": "The limit that is reached."},
    "allowed": {"description": "The value of the limit.", **_COUNT},
    "key": {"description": "The corrupt key in Redis."},
    "book": {"description": "The last known book; null if there is none."},
}
"""Additions to the JSON Schema of a member."""
