"""The kinds of problems: each stable code with its status and its condition.

`docs/http.md` and /openapi.json list the same kinds; tests compare them with the code.
"""

from __future__ import annotations

from typing import NamedTuple


class ProblemKind(NamedTuple):
    """A kind of error response."""

    status: int
    condition: str
    members: tuple[str, ...] = ()
    """The members of its body besides those of RFC 9457."""


_PASSING = ("retry_after",)
_LIMIT = ("limit", "allowed")
_OF_BOOK = (*_PASSING, "book")

PROBLEM_KINDS = {
    "bad-parameter": ProblemKind(
        400, "a parameter is unknown, repeated, missing, or has no valid value", ("parameter",)
    ),
    "key-missing": ProblemKind(401, "the api needs a key, and the request has none"),
    "key-unknown": ProblemKind(401, "the key, token or ticket is invalid, or was revoked"),
    "key-expired": ProblemKind(401, "the key or token has expired"),
    "key-forbids": ProblemKind(403, "the key may not read this"),
    "bad-host": ProblemKind(400, "there is more than one `Host` header"),
    "wrong-host": ProblemKind(421, "`Host` is not one of the api's"),
    "unknown-symbol": ProblemKind(404, "no configured symbol has this name", ("symbols",)),
    "refused-symbol": ProblemKind(404, "The venue refuses the symbol", ("reason",)),
    "no-such-route": ProblemKind(404, "nothing is served at this path"),
    "no-such-method": ProblemKind(405, "the route does not serve this method"),
    "uri-too-long": ProblemKind(414, "the path or the query is too long"),
    "too-many-symbols": ProblemKind(
        403, "the stream would have more symbols than one may have", _LIMIT
    ),
    "too-many-requests": ProblemKind(
        429, "the client has sent as many requests as a minute allows", (*_PASSING, *_LIMIT)
    ),
    "too-many-streams": ProblemKind(
        429, "the client has as many open streams as are allowed", (*_PASSING, *_LIMIT)
    ),
    "too-many-views": ProblemKind(
        429, "the client reads as many choices of symbols and view as allowed", (*_PASSING, *_LIMIT)
    ),
    "too-many-resumes": ProblemKind(
        429,
        "the client resumed from far back as often as a minute allows",
        (*_PASSING, *_LIMIT),
    ),
    "too-many-denials": ProblemKind(
        429,
        "the address has sent as many requests without a valid key as a minute allows",
        (*_PASSING, *_LIMIT),
    ),
    "too-many-tickets": ProblemKind(
        429, "the key has as many unused tickets as are allowed", (*_PASSING, *_LIMIT)
    ),
    "failure": ProblemKind(500, "a fault of the api; its log has the traceback"),
    "no-symbols": ProblemKind(503, "no collector has written its symbols yet", _OF_BOOK),
    "no-book": ProblemKind(503, "the symbol has no book yet", _OF_BOOK),
    "stale-book": ProblemKind(
        503, "the book has not been confirmed for longer than `API_MAX_AGE`", _OF_BOOK
    ),
    "corrupt-book": ProblemKind(
        503, "the book in Redis was not written by a collector", (*_OF_BOOK, "key")
    ),
    "corrupt-symbols": ProblemKind(
        503, "the list of symbols in Redis is damaged", (*_PASSING, "key")
    ),
    "corrupt-events": ProblemKind(
        503, "the events in Redis were not written by a collector", (*_PASSING, "key")
    ),
    "redis-away": ProblemKind(
        503, "Redis does not answer, or answers with an error", (*_OF_BOOK, "reason")
    ),
    "issuer-away": ProblemKind(
        503, "the keys that verify tokens could not be fetched yet", _PASSING
    ),
    "draining": ProblemKind(503, "this replica is stopping", _PASSING),
    "newer-contract": ProblemKind(
        503, "a collector writes a newer contract than this replica knows", _PASSING
    ),
    "replica-full": ProblemKind(
        503, "this replica has as many streams as `API_MAX_STREAMS`", (*_PASSING, *_LIMIT)
    ),
}

# Problems that any route can answer.
EVERYWHERE = ("bad-parameter", "bad-host", "uri-too-long", "wrong-host", "failure")
# Problems of routes that need a key, if the api has any.
OF_KEY = ("key-missing", "key-unknown", "key-expired", "issuer-away", "too-many-denials")
# Problems of routes that count for the limit of requests.
OF_LIMIT = ("too-many-requests",)
# Problems of routes that open streams.
OF_STREAM_LIMIT = (
    "too-many-symbols",
    "too-many-streams",
    "too-many-views",
    "too-many-resumes",
    "replica-full",
)
# Problems of routes that read the list of symbols.
OF_LIST = ("no-symbols", "corrupt-symbols", "redis-away")
# Problems of routes that name a symbol.
OF_SYMBOL = ("unknown-symbol", "refused-symbol")
# Problems of routes that need the current book of a symbol.
OF_BOOK = (*OF_SYMBOL, *OF_LIST, "no-book", "stale-book", "corrupt-book")
