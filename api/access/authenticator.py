"""Find out what the credential of a request permits: a key, a token or a ticket."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import Any

from api.access.key_file import KeyFile
from api.access.permission import Denied, Expiry, Permission
from api.access.remote_keys import RemoteKeys
from api.access.tickets import Tickets
from api.access.tokens import Tokens
from kraken_book.access_keys import KEY_PREFIX

_BEARER = "bearer "
MAX_CREDENTIAL_LENGTH = 8 * 1024


class Authenticator:
    """Decides about credentials.

    Args:
        keys: The keys of the key file; None if there is no such file.
        tokens: Verifies tokens; None if tokens are off.
        tickets: Issues and redeems tickets.
        remote: Fetches the keys of tokens; None if they are in a file.
    """

    def __init__(
        self,
        keys: KeyFile | None,
        tokens: Tokens | None,
        tickets: Tickets,
        remote: RemoteKeys | None = None,
    ) -> None:
        self._keys = keys
        self._tokens = tokens
        self._remote = remote
        self.tickets = tickets

    def loops(self) -> list[Coroutine[Any, Any, None]]:
        """Return the coroutines to run for the life of the process."""
        return [each.run() for each in (self._keys, self._remote) if each is not None]

    async def permission(self, header: str | None) -> Permission:
        """Return what an Authorization header permits; raise Denied if it permits nothing."""
        if not header:
            raise Denied(
                "key-missing", "this api needs a key: send it as Authorization: Bearer <key>"
            )
        if len(header) > MAX_CREDENTIAL_LENGTH:
            raise Denied("key-unknown", f"a credential has at most {MAX_CREDENTIAL_LENGTH} bytes")
        if header[: len(_BEARER)].lower() != _BEARER:
            raise Denied("key-unknown", "the form of the header is Authorization: Bearer <key>")
        credential = header[len(_BEARER) :].strip()
        if self._keys is not None and (self._tokens is None or credential.startswith(KEY_PREFIX)):
            return self._keys.permission(credential)
        if self._tokens is None:
            raise Denied("key-unknown", "this api has no keys")
        return await self._tokens.permission(credential)

    def validity(self, permission: Permission) -> Callable[[], bool]:
        """Return a function that tells whether a permission still holds."""
        expiry = Expiry(permission.expires_at)
        keys = self._keys if permission.key_digest else None

        def is_permitted() -> bool:
            return not expiry.is_over and (keys is None or keys.is_in_force(permission))

        return is_permitted
