"""JSON Web Tokens: verify them, and read their permission.

The key fixes the algorithms, not the token: a secret verifies HS256 only, and a key of a JWKS only
the algorithms of its own kind. So a token can neither choose `none` nor have a public key used as a
secret.
"""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from time import time
from typing import Any, Protocol

import jwt
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from jwt.exceptions import ExpiredSignatureError, ImmatureSignatureError, InvalidTokenError

from api.access.permission import Denied, Permission
from kraken_book.access_keys import permitted_symbols
from kraken_book.errors import Unusable

MAX_TOKEN_LENGTH = 8 * 1024
MAX_KEY_BYTES = 64 * 1024
# RFC 7518, section 3.2: a key of HS256 has at least the size of the hash.
MIN_SECRET_BYTES = 32
# Seconds by which the issuer's clock may be ahead: a new token is valid at once (`nbf`, `iat`). A
# token ends at `exp` without it, so that a stream that has ended cannot be opened again.
LEEWAY = 5.0
MAX_NAME_LENGTH = 128
MAX_EXPIRY = 2**53

_ALGORITHMS: Mapping[str, Sequence[str]] = {
    "RSA": ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512"),
    "EC": ("ES256", "ES384", "ES512"),
    "OKP": ("EdDSA",),
}


@dataclass(frozen=True, slots=True)
class VerificationKey:
    """A key that verifies signatures by these algorithms only.

    Attributes:
        key: The key, as PyJWT takes it.
        algorithms: The algorithms.
        id: A digest of it, which does not tell it.
    """

    key: Any = field(repr=False)
    algorithms: Sequence[str]
    id: str = ""


class VerificationKeys(Protocol):
    """The keys of an issuer of tokens."""

    async def key_for(self, key_id: str | None) -> VerificationKey | None:
        """Return the key with this id, the only one if it is None; None if unknown.

        Raises:
            ApiError: No key is known yet.
        """

    def has(self, signer: str) -> bool:
        """Return whether there is a key with this digest."""

    async def refresh(self) -> None:
        """Look for new keys, if there may be any.

        Raises:
            ApiError: No key is known yet.
        """


class Tokens:
    """Verifies tokens.

    Args:
        keys: The keys of the issuer.
        audience: The audience that each token must name; None if tokens must name none.
    """

    def __init__(self, keys: VerificationKeys, audience: str | None = None) -> None:
        self._keys = keys
        self._audience = audience

    async def permission(self, token: str) -> Permission:
        """Return the permission of a token; raise Denied if it is invalid, or ApiError."""
        if len(token) > MAX_TOKEN_LENGTH:
            raise Denied("key-unknown", f"the token is longer than {MAX_TOKEN_LENGTH} bytes")
        try:
            key_id = jwt.get_unverified_header(token).get("kid")
        except InvalidTokenError:
            raise Denied("key-unknown", "it is neither a key nor a signed token") from None
        key = await self._keys.key_for(key_id)
        if key is None:
            raise Denied("key-unknown", "the token is signed by an unknown key")
        return _permission(self._claims(token, key), key.id)

    def is_in_force(self, permission: Permission) -> bool:
        """Return whether the key that signed the token of a permission is still accepted."""
        return self._keys.has(permission.signer)

    async def check(self, permission: Permission) -> None:
        """Raise Denied unless the key that signed the token of a permission is accepted."""
        if not self._keys.has(permission.signer):
            # Another replica may have read a new key earlier.
            await self._keys.refresh()
        if not self._keys.has(permission.signer):
            raise Denied("key-unknown", "the token behind the ticket is signed by an unknown key")

    def _claims(self, token: str, key: VerificationKey) -> Mapping[str, Any]:
        try:
            claims: dict[str, Any] = jwt.decode(
                token,
                key.key,
                algorithms=list(key.algorithms),
                audience=self._audience,
                leeway=LEEWAY,
                options={"require": ["exp"]},
            )
        except ExpiredSignatureError:
            raise Denied("key-expired", "the token has expired") from None
        except ImmatureSignatureError:
            raise Denied("key-unknown", "the token is not valid yet (nbf or iat)") from None
        except InvalidTokenError as error:
            raise Denied("key-unknown", f"the token is invalid: {_reason(error)}") from None
        if int(claims["exp"]) <= time():
            raise Denied("key-expired", "the token has expired")
        return claims


class OneSecret:
    """The secret of HS256."""

    def __init__(self, secret: bytes) -> None:
        signer = hmac.digest(secret, b"kraken-book signer", "sha256").hex()
        self._key = VerificationKey(secret, ("HS256",), signer)

    def __len__(self) -> int:
        """Return the number of keys."""
        return 1

    @classmethod
    def parse(cls, content: bytes) -> OneSecret:
        """Return the secret in the content of a file; raise Unusable if it is too short."""
        secret = content.removesuffix(b"\n").removesuffix(b"\r")
        if len(secret) < MIN_SECRET_BYTES:
            raise Unusable(
                f"the secret has {len(secret)} bytes, and at least {MIN_SECRET_BYTES} are needed:"
                " openssl rand -hex 32"
            )
        return cls(secret)

    async def key_for(self, key_id: str | None) -> VerificationKey | None:  # noqa: ARG002 - has one
        """Return the secret."""
        return self._key

    def has(self, signer: str) -> bool:
        """Return whether the secret has this digest."""
        return signer == self._key.id

    async def refresh(self) -> None:
        """Do nothing; the secret does not change."""


class KeySet:
    """The public keys of a JSON Web Key Set (RFC 7517)."""

    def __init__(self, keys: Mapping[str | None, VerificationKey]) -> None:
        self._keys = keys
        self._ids = {key.id for key in keys.values()}

    def __len__(self) -> int:
        """Return the number of keys."""
        return len(self._keys)

    @classmethod
    def parse(cls, content: bytes) -> KeySet:
        """Return the set in `content`; raise Unusable if it has no key that can be used."""
        try:
            keys = json.loads(content)["keys"]
            found = {each.get("kid"): key for each in keys if (key := _public_key(each))}
        except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
            raise Unusable(f"it is no JSON Web Key Set: {error!r}"[:200]) from error
        if not found:
            raise Unusable("it has no public key of RSA, EC or OKP for signatures")
        return cls(found)

    async def key_for(self, key_id: str | None) -> VerificationKey | None:
        """Return the key with this id; without an id the only key."""
        return self.find(key_id)

    def has(self, signer: str) -> bool:
        """Return whether there is a key with this digest."""
        return signer in self._ids

    async def refresh(self) -> None:
        """Do nothing; the set does not change."""

    def find(self, key_id: str | None) -> VerificationKey | None:
        """Return the key with this id; without an id the only key."""
        if key_id is None and len(self._keys) == 1:
            return next(iter(self._keys.values()))
        return self._keys.get(key_id) if isinstance(key_id, str) else None


def _public_key(found: Mapping[str, Any]) -> VerificationKey | None:
    """Return a key of a set, None if it is not for signatures or of another kind."""
    algorithms: Collection[str] = _ALGORITHMS.get(str(found.get("kty")), ())
    wanted = found.get("alg")
    if wanted is not None:
        algorithms = [each for each in algorithms if each == wanted]
    if not algorithms or found.get("use", "sig") != "sig":
        return None
    try:
        key = jwt.PyJWK.from_dict(dict(found))
    except (jwt.exceptions.PyJWTError, ValueError, TypeError):
        return None
    # A set with private keys is a mistake of its author, but the public part is good.
    public = key.key.public_key() if hasattr(key.key, "public_key") else key.key
    encoded = public.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return VerificationKey(public, list(algorithms), hashlib.sha256(encoded).hexdigest())


def _permission(claims: Mapping[str, Any], signer: str) -> Permission:
    name = claims.get("sub", "")
    if not isinstance(name, str) or len(name) > MAX_NAME_LENGTH or not name.isprintable():
        raise Denied(
            "key-unknown", f"the claim sub must be a text of at most {MAX_NAME_LENGTH} characters"
        )
    try:
        symbols = permitted_symbols(_symbols(claims.get("symbols")))
    except Unusable as error:
        raise Denied("key-unknown", f"the claim symbols is invalid: {error}") from None
    # Beyond this time a float is inexact, and no clock gets there.
    expires_at = float(min(int(claims["exp"]), MAX_EXPIRY))
    return Permission(f"token:{name}", symbols, expires_at=expires_at, signer=signer)


def _symbols(claim: object) -> str:
    """Return the claim as a selection's text; a token without the claim permits nothing."""
    if isinstance(claim, str):
        return claim
    if isinstance(claim, list) and all(isinstance(each, str) for each in claim):
        return ",".join(claim)
    raise Denied("key-unknown", 'the claim symbols must be a text or a list, such as ["BTC/*"]')


def _reason(error: InvalidTokenError) -> str:
    """Return PyJWT's reason: a short sentence of its own, which quotes no token."""
    return str(error)[:120]
