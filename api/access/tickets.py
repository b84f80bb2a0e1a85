"""Tickets: a browser's EventSource cannot send a header, so a ticket in its address stands in.

A ticket opens one stream within a minute, on any replica. Redis keeps the digest of the ticket and
what it permits, never the ticket, a key or a token. The commands are `SET` with `EX`, and `GETDEL`,
on keys that begin with `kraken-book:ticket:`.
"""

from __future__ import annotations

import secrets

import msgspec
from redis.exceptions import RedisError

from api.access.permission import Denied, Permission
from api.store.errors import redis_away
from kraken_book.access_keys import KeyLimits, digest_of
from kraken_book.selection import Selection
from runtime.redis.nodes import Nodes

TICKET_SECONDS = 60
TICKET_PREFIX = "kbt_"
KEY_PREFIX = "kraken-book:ticket:"
MAX_TICKET_LENGTH = 128
_TICKET_BYTES = 32


class _StoredTicket(msgspec.Struct, forbid_unknown_fields=True):
    """What a ticket permits, as Redis keeps it."""

    name: str
    symbols: Selection | None
    limits: KeyLimits
    expires_at: float | None
    key_digest: str


class Tickets:
    """Issues and redeems tickets.

    Args:
        nodes: The Redis that all replicas share, which accepts writes.
        seconds: The time for which a ticket is valid.
    """

    def __init__(self, nodes: Nodes, seconds: int = TICKET_SECONDS) -> None:
        self._nodes = nodes
        self.seconds = seconds

    async def issue(self, permission: Permission) -> str:
        """Return a new ticket with this permission; raise ApiError if Redis does not store it."""
        ticket = TICKET_PREFIX + secrets.token_urlsafe(_TICKET_BYTES)
        stored = _StoredTicket(
            permission.name,
            permission.symbols,
            permission.limits,
            permission.expires_at,
            permission.key_digest,
        )
        key = KEY_PREFIX + digest_of(ticket)
        try:
            await self._nodes.call(key, "SET", key, msgspec.json.encode(stored), "EX", self.seconds)
        except (RedisError, OSError) as error:
            raise redis_away(error) from error
        return ticket

    async def redeem(self, ticket: str) -> Permission:
        """Return what a ticket permits, and make it invalid; raise Denied or ApiError."""
        if len(ticket) > MAX_TICKET_LENGTH or not ticket.startswith(TICKET_PREFIX):
            raise Denied("key-unknown", "it is no ticket; POST /tickets returns one")
        key = KEY_PREFIX + digest_of(ticket)
        try:
            content = await self._nodes.call(key, "GETDEL", key)
        except (RedisError, OSError) as error:
            raise redis_away(error) from error
        if content is None:
            raise Denied(
                "key-unknown",
                f"the ticket is unknown, used, or older than {self.seconds} s; each opens one"
                " stream: POST /tickets for another",
            )
        try:
            stored = msgspec.json.decode(content, type=_StoredTicket)
        except msgspec.DecodeError:
            raise Denied("key-unknown", "the ticket is damaged; POST /tickets again") from None
        return Permission(
            stored.name, stored.symbols, stored.limits, stored.expires_at, stored.key_digest
        )
