"""Find the permission of a request's credential: a key, a token or a ticket."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from typing import TYPE_CHECKING, Any

from api.access.key_file import KeyFile
from api.access.permission import Denied, Expiry, Permission
from api.access.tickets import Tickets

if TYPE_CHECKING:
    from api.access.remote_keys import RemoteKeys
    from api.access.token_key_file import TokenKeyFile
    from api.access.tokens import Tokens

_BEARER = "bearer"
MAX_CREDENTIAL_LENGTH = 8 * 1024


class Authenticator:
    """Decides about credentials.

    Args:
        keys: The keys of the key file; None if there is no such file.
        tokens: Verifies tokens; None if tokens are off.
        tickets: Issues and redeems tickets.
        token_keys: Keeps the keys of tokens up to date; None if they do not change.
    """

    def __init__(
        self,
        keys: KeyFile | None,
        tokens: Tokens | None,
        tickets: Tickets,
        token_keys: TokenKeyFile | RemoteKeys | None = None,
    ) -> None:
        self._keys = keys
        self._tokens = tokens
        self._token_keys = token_keys
        self.tickets = tickets

    def loops(self) -> list[Coroutine[Any, Any, None]]:
        """Return the coroutines to run for the life of the process."""
        return [each.run() for each in (self._keys, self._token_keys) if each is not None]

    async def permission(self, headers: Sequence[str]) -> Permission:
        """Return the permission of a request's Authorization headers; raise Denied or ApiError."""
        credential = _credential(headers)
        keys, tokens = self._keys, self._tokens
        if tokens is None or (keys is not None and not _is_token(credential)):
            assert keys is not None, "there are keys, tokens or both"
            return keys.permission(credential)
        if keys is not None and keys.has(credential):
            return keys.permission(credential)
        return await tokens.permission(credential)

    async def redeem(self, ticket: str) -> Permission:
        """Return the permission of a ticket, and make it invalid; raise Denied or ApiError."""
        found = await self.tickets.redeem(ticket)
        if not found.key_digest:
            if Expiry(found.expires_at).is_over:
                raise Denied("key-expired", "the token behind the ticket has expired")
            if self._tokens is None:
                raise Denied("key-unknown", "the ticket is of a token, and this replica takes none")
            await self._tokens.check(found)
            return found
        if self._keys is None:
            raise Denied("key-unknown", "the ticket is of a key, and this replica has no key file")
        try:
            return self._keys.permission_of(found.key_digest)
        except Denied:
            # Another replica may have read a new key earlier.
            await asyncio.to_thread(self._keys.check)
        return self._keys.permission_of(found.key_digest)

    def validity(self, permission: Permission) -> Callable[[], bool]:
        """Return a function that tells whether a permission still holds."""
        expiry = Expiry(permission.expires_at)
        source = self._keys if permission.key_digest else self._tokens

        def is_permitted() -> bool:
            return not expiry.is_over and source is not None and source.is_in_force(permission)

        return is_permitted


def _credential(headers: Sequence[str]) -> str:
    """Return the key or token in the Authorization headers; raise Denied if there is none."""
    if len(headers) > 1:
        raise Denied("key-unknown", "there is more than one Authorization header")
    header = headers[0] if headers else ""
    if len(header) > MAX_CREDENTIAL_LENGTH:
        raise Denied("key-unknown", f"a credential has at most {MAX_CREDENTIAL_LENGTH} bytes")
    scheme, _, credential = header.strip().partition(" ")
    if scheme.lower() != _BEARER:
        raise Denied("key-missing", "this api needs a key: send it as Authorization: Bearer <key>")
    if not credential:
        raise Denied("key-unknown", "the header is empty: it must be Authorization: Bearer <key>")
    return credential.strip()


def _is_token(credential: str) -> bool:
    """Return whether a credential has the three parts of a signed token."""
    return credential.count(".") == 2
