"""Tickets: one-time credentials in an address, because EventSource cannot send a header.

A ticket opens one stream within a minute, on any replica. Redis keeps the digest of the ticket, and
the digest of the key behind it or what the token behind it permits; never a ticket, a key or a
token. The commands are `SET` with `EX`, and `GETDEL`, on keys that begin with
`kraken-book:ticket:`.
"""

from __future__ import annotations

import secrets
from typing import Any

import msgspec
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import RedisError
from redis.typing import EncodableT

from api.access.permission import Denied, Permission
from api.store.errors import redis_away
from kraken_book.access_keys import digest_of
from kraken_book.selection import Selection
from runtime.redis.nodes import Nodes

TICKET_SECONDS = 60
TICKET_PREFIX = "kbt_"
KEY_PREFIX = "kraken-book:ticket:"
MAX_TICKET_LENGTH = 128
_TICKET_BYTES = 32


class _StoredTicket(msgspec.Struct, forbid_unknown_fields=True, omit_defaults=True):
    """What a ticket permits, as Redis keeps it.

    Of the ticket of a key this is the digest of the key alone: the key file has the rest.
    """

    key_digest: str = ""
    name: str = ""
    symbols: Selection | None = None
    expires_at: float | None = None


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
        if permission.key_digest:
            stored = _StoredTicket(permission.key_digest)
        else:
            stored = _StoredTicket(
                name=permission.name, symbols=permission.symbols, expires_at=permission.expires_at
            )
        key = KEY_PREFIX + digest_of(ticket)
        await self._call(key, "SET", key, msgspec.json.encode(stored), "EX", self.seconds)
        return ticket

    async def redeem(self, ticket: str) -> Permission:
        """Return what a ticket permits, and make it invalid; raise Denied or ApiError."""
        if len(ticket) > MAX_TICKET_LENGTH or not ticket.startswith(TICKET_PREFIX):
            raise Denied("key-unknown", "it is no ticket; POST /tickets returns one")
        key = KEY_PREFIX + digest_of(ticket)
        content = await self._call(key, "GETDEL", key)
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
            stored.name,
            stored.symbols,
            expires_at=stored.expires_at,
            key_digest=stored.key_digest,
        )

    async def _call(self, key: str, *command: EncodableT) -> Any:
        """Return the reply of Redis.

        After a restart of Redis each idle connection is lost, so a call on one is repeated. To
        store a ticket twice changes nothing. To redeem it twice finds nothing, if only the reply
        was lost; then the reader needs another ticket.

        Raises:
            redis_away: Redis does not answer, or refuses.
        """
        try:
            try:
                return await self._nodes.call(key, *command)
            except RedisConnectionError:
                return await self._nodes.call(key, *command)
        except (RedisError, OSError) as error:
            raise redis_away(error) from error
