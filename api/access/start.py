"""Build the authenticator from the settings, or say what is wrong with them."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import httpx

from api.access.authenticator import Authenticator
from api.access.key_file import KeyFile
from api.access.remote_keys import RemoteKeys
from api.access.tickets import Tickets
from api.access.tokens import JwtSource, KeySet, OneSecret, Tokens, read_keys
from kraken_book.errors import Unusable
from runtime.redis.nodes import Nodes

FETCH_TIMEOUT = 5.0


class AccessFiles(NamedTuple):
    """The keys that a process read at its start."""

    keys: KeyFile | None
    token_keys: OneSecret | KeySet | None


def read_access_files(keys_file: Path | None, jwt: JwtSource | None) -> AccessFiles:
    """Return the content of the files of API_KEYS_FILE and API_JWT.

    Raises:
        Unusable: A file cannot be read or used; the message begins with the setting.
    """
    try:
        keys = KeyFile(keys_file) if keys_file is not None else None
    except Unusable as error:
        raise Unusable(f"API_KEYS_FILE={keys_file}: {error}") from error
    try:
        token_keys = read_keys(jwt) if jwt is not None and jwt.kind != "https" else None
    except Unusable as error:
        raise Unusable(f"API_JWT={jwt}: {error}") from error
    return AccessFiles(keys, token_keys)


def make_authenticator(
    files: AccessFiles, jwt: JwtSource | None, audience: str | None, nodes: Nodes
) -> Authenticator | None:
    """Return the authenticator; None if neither keys nor tokens are on.

    Args:
        files: The files of the settings.
        jwt: The setting API_JWT.
        audience: The setting API_JWT_AUDIENCE.
        nodes: The Redis that all replicas share, for tickets.
    """
    if files.keys is None and jwt is None:
        return None
    remote = None
    if jwt is not None and jwt.kind == "https":
        client = httpx.AsyncClient(timeout=FETCH_TIMEOUT, follow_redirects=False)
        remote = RemoteKeys(jwt.place, client)
    token_keys = files.token_keys or remote
    tokens = Tokens(token_keys, audience) if token_keys is not None else None
    return Authenticator(files.keys, tokens, Tickets(nodes), remote)
