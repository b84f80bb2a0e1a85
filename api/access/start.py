"""Build the authenticator from the settings, or name the setting that is wrong."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from api.access.authenticator import Authenticator
from api.access.jwt_source import JwtSource
from api.access.key_file import KeyFile
from api.access.tickets import Tickets
from kraken_book.errors import Unusable
from runtime.redis.nodes import Nodes

if TYPE_CHECKING:
    from api.access.remote_keys import RemoteKeys
    from api.access.token_key_file import TokenKeyFile

FETCH_TIMEOUT = 5.0


class AccessFiles(NamedTuple):
    """The credentials that a process accepts, from the files and addresses of its settings."""

    keys: KeyFile | None = None
    token_keys: TokenKeyFile | RemoteKeys | None = None
    audience: str | None = None

    @property
    def accepted(self) -> str:
        """What requests need, for the log."""
        kinds = {"keys": self.keys, "tokens": self.token_keys}
        return ",".join(name for name, source in kinds.items() if source is not None) or "open"


def read_access_files(
    keys_file: Path | None, jwt: JwtSource | None, audience: str | None = None
) -> AccessFiles:
    """Return the content of the files of API_KEYS_FILE and API_JWT.

    Args:
        keys_file: The setting API_KEYS_FILE.
        jwt: The setting API_JWT.
        audience: The setting API_JWT_AUDIENCE.

    Raises:
        Unusable: A file or a setting cannot be used; the message begins with the setting.
    """
    if audience is not None and jwt is None:
        raise Unusable(
            f"API_JWT_AUDIENCE={audience}: needs API_JWT, without which it has no effect"
        )
    try:
        keys = KeyFile(keys_file) if keys_file is not None else None
    except Unusable as error:
        raise Unusable(f"API_KEYS_FILE={keys_file}: {error}") from error
    try:
        token_keys = None if jwt is None else _token_keys(jwt)
    except Unusable as error:
        raise Unusable(f"API_JWT={jwt}: {error}") from error
    return AccessFiles(keys, token_keys, audience)


def make_authenticator(files: AccessFiles, nodes: Nodes) -> Authenticator | None:
    """Return the authenticator; None if neither keys nor tokens are on.

    Args:
        files: The credentials that the process accepts.
        nodes: The Redis that all replicas share, for tickets.
    """
    source = files.token_keys
    if files.keys is None and source is None:
        return None
    tickets = Tickets(nodes)
    if source is None:
        return Authenticator(files.keys, None, tickets)
    from api.access.tokens import Tokens  # noqa: PLC0415 - as below

    return Authenticator(files.keys, Tokens(source, files.audience), tickets, source)


def _token_keys(jwt: JwtSource) -> TokenKeyFile | RemoteKeys:
    # An api without tokens starts a tenth faster without these.
    from api.access.token_key_file import TokenKeyFile  # noqa: PLC0415

    if jwt.kind != "https":
        return TokenKeyFile(jwt)
    import httpx  # noqa: PLC0415

    from api.access.remote_keys import RemoteKeys  # noqa: PLC0415
    from kraken_book.client.environment import (  # noqa: PLC0415
        proxy_for,
        trusted_certificates,
    )

    # It logs each request at info; `RemoteKeys` logs what matters.
    logging.getLogger("httpx").setLevel(logging.WARNING)
    # Not by httpx itself, which rejects some legal values without naming the variable.
    client = httpx.AsyncClient(
        timeout=FETCH_TIMEOUT,
        trust_env=False,
        proxy=proxy_for(httpx.URL(jwt.place)),
        verify=trusted_certificates(),
    )
    return RemoteKeys(jwt.place, client)
