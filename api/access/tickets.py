"""Tickets: one-time credentials in an address, because EventSource cannot send a header.

A ticket opens one stream within a minute, on any replica. Redis keeps the digest of the ticket, and
the digest of the key behind it or what the token behind it permits; never a ticket, a key or a
token. A hash of each caller has the sizes of its unused tickets, which are bounded.

The commands are `SET` with `EX`, `GETDEL` and `HDEL`, and a script that calls `TIME`, `HGETALL`,
`HSET`, `HDEL` and `PEXPIRE`, on keys that begin with `kraken-book:ticket:`. Each call has one key.
"""

from __future__ import annotations

import secrets
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any

import msgspec
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import RedisError

from api.access.caller import Caller
from api.access.limits import LimitReached, caller_id
from api.access.permission import Denied, Permission
from api.access.script_call import call_script, make_script
from api.store.errors import redis_away
from kraken_book.access_keys import digest_of
from kraken_book.json_errors import JSON_ERRORS
from kraken_book.selection import Selection
from runtime.redis.nodes import Nodes

TICKET_SECONDS = 60
TICKET_PREFIX = "kbt_"
KEY_PREFIX = "kraken-book:ticket:"
MAX_TICKET_LENGTH = 128
_TICKET_BYTES = 32
# The memory of one caller's unused tickets in Redis: 350 of a key, or 14 of large tokens.
MAX_UNUSED_BYTES = 128 * 1024
# The memory of a ticket in Redis besides its name and value, and of its size in the hash of its
# caller: `MEMORY USAGE` of Redis 7.
_OVERHEAD_BYTES = 160
_PLACE_LENGTH = 32

# Arguments: the place of a ticket, its bytes, the milliseconds until it expires, the most bytes of
# all tickets of the caller. Returns whether it was noted, and the milliseconds until the first of
# the others expires.
_NOTE = make_script("""
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local bytes, lease = tonumber(ARGV[2]), tonumber(ARGV[3])
local used, first = bytes, now + lease
local found = redis.call('HGETALL', KEYS[1])
for i = 1, #found, 2 do
  local size, till = string.match(found[i + 1], '^(%d+) (%d+)$')
  if not size or tonumber(till) <= now then
    redis.call('HDEL', KEYS[1], found[i])
  elseif found[i] ~= ARGV[1] then
    used = used + tonumber(size)
    first = math.min(first, tonumber(till))
  end
end
if used > tonumber(ARGV[4]) then
  return {0, first - now}
end
redis.call('HSET', KEYS[1], ARGV[1], string.format('%d %d', bytes, now + lease))
redis.call('PEXPIRE', KEYS[1], lease)
return {1, first - now}
""")


class _StoredTicket(msgspec.Struct, forbid_unknown_fields=True, omit_defaults=True):
    """The permission of a ticket, as stored in Redis.

    For the ticket of a key only the digest of the key is stored: the key file has the rest.
    """

    owner: str
    """The identity of the caller, as limits know it."""
    key_digest: str = ""
    name: str = ""
    symbols: Selection | None = None
    expires_at: float | None = None
    signer: str = ""


class Tickets:
    """Issues and redeems tickets.

    Args:
        nodes: The Redis that all replicas share, which accepts writes.
        seconds: The time for which a ticket is valid.
        max_unused_bytes: The memory that one caller's unused tickets may use in Redis.
    """

    def __init__(
        self,
        nodes: Nodes,
        seconds: int = TICKET_SECONDS,
        max_unused_bytes: int = MAX_UNUSED_BYTES,
    ) -> None:
        self._nodes = nodes
        self._max_unused_bytes = max_unused_bytes
        self.seconds = seconds

    async def issue(self, permission: Permission) -> str:
        """Return a new ticket with this permission; raise LimitReached or ApiError."""
        owner = caller_id(Caller(permission))
        ticket = TICKET_PREFIX + secrets.token_urlsafe(_TICKET_BYTES)
        if permission.key_digest:
            stored = _StoredTicket(owner, permission.key_digest)
        else:
            stored = _StoredTicket(
                owner,
                name=permission.name,
                symbols=permission.symbols,
                expires_at=permission.expires_at,
                signer=permission.signer,
            )
        key, content = KEY_PREFIX + digest_of(ticket), msgspec.json.encode(stored)
        await self._note(owner, ticket, len(key) + len(content) + _OVERHEAD_BYTES)
        await _reply(lambda: self._nodes.call(key, "SET", key, content, "EX", self.seconds))
        return ticket

    async def redeem(self, ticket: str) -> Permission:
        """Return the permission of a ticket, and make it invalid; raise Denied or ApiError."""
        if len(ticket) > MAX_TICKET_LENGTH or not ticket.startswith(TICKET_PREFIX):
            raise Denied("key-unknown", "it is no ticket; POST /tickets returns one")
        key = KEY_PREFIX + digest_of(ticket)
        content = await _reply(lambda: self._nodes.call(key, "GETDEL", key))
        if content is None:
            raise Denied(
                "key-unknown",
                f"the ticket is unknown, used, or older than {self.seconds} s; each opens one"
                " stream: POST /tickets for another",
            )
        try:
            stored = msgspec.json.decode(content, type=_StoredTicket)
        except JSON_ERRORS:
            raise Denied("key-unknown", "the ticket is damaged; POST /tickets again") from None
        await self._forget(stored.owner, ticket)
        return Permission(
            stored.name,
            stored.symbols,
            expires_at=stored.expires_at,
            key_digest=stored.key_digest,
            signer=stored.signer,
        )

    async def _note(self, owner: str, ticket: str, size: int) -> None:
        """Count the bytes of a ticket for its owner.

        If the ticket is then not stored, they count until it would have expired.

        Raises:
            LimitReached: The unused tickets of the owner would take too many.
        """
        most, lease = self._max_unused_bytes, self.seconds * 1000
        arguments = (_place(ticket), size, lease, most)
        is_noted, wait = await _reply(
            lambda: call_script(self._nodes, _NOTE, (_key_of(owner),), *arguments)
        )
        if not is_noted:
            detail = (
                f"unused tickets of one key may take {most} bytes; a ticket opens one stream within"
                f" {self.seconds} s, so request it when it is needed"
            )
            raise LimitReached("tickets", detail, most, wait / 1000)

    async def _forget(self, owner: str, ticket: str) -> None:
        """Count a used ticket no longer; if Redis does not answer now, it counts until it ends."""
        key = _key_of(owner)
        with suppress(RedisError, OSError):
            await self._nodes.call(key, "HDEL", key, _place(ticket))


async def _reply(call: Callable[[], Awaitable[Any]]) -> Any:
    """Return the reply of Redis.

    After a restart of Redis each idle connection is lost, so a call on one is repeated. To note or
    store a ticket twice changes nothing. To redeem it twice finds nothing, if only the reply was
    lost; then the reader needs another ticket.

    Raises:
        redis_away: Redis does not answer, or refuses.
    """
    try:
        try:
            return await call()
        except RedisConnectionError:
            return await call()
    except (RedisError, OSError) as error:
        raise redis_away(error) from error


def _key_of(owner: str) -> str:
    return f"{KEY_PREFIX}of:{owner}"


def _place(ticket: str) -> str:
    """Return the name of a ticket in the hash of its owner."""
    return digest_of(ticket)[:_PLACE_LENGTH]
