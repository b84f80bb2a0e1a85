"""Tokens of every wrong kind, and key sets."""

from __future__ import annotations

import base64
import json
from time import time
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from api.access.jwt_source import JwtSource
from api.access.permission import Denied, Expiry
from api.access.start import read_access_files
from api.access.tokens import KeySet, OneSecret, Tokens, VerificationKey
from kraken_book.access_keys import permitted_symbols
from kraken_book.errors import Unusable
from tests.api.access.written_keys import SECRET, token

RSA = rsa.generate_private_key(public_exponent=65537, key_size=2048)
EC = ec.generate_private_key(ec.SECP256R1())
OKP = ed25519.Ed25519PrivateKey.generate()


def public(private: Any, algorithm: str, **members: str) -> dict[str, Any]:
    """Return the public key as an entry of a key set."""
    kind = jwt.get_algorithm_by_name(algorithm)
    found: dict[str, Any] = json.loads(kind.to_jwk(private.public_key()))
    return {**found, **members}


def key_set(*keys: dict[str, Any]) -> Tokens:
    return Tokens(KeySet.parse(json.dumps({"keys": keys}).encode()), "books")


SECRET_TOKENS = Tokens(OneSecret(SECRET), "books")


async def test_valid_token_has_name_symbols_and_expiry() -> None:
    expires = int(time()) + 60
    permission = await SECRET_TOKENS.permission(token(exp=expires))
    assert permission.name == "token:desk"
    assert permission.symbols == permitted_symbols("BTC/*")
    assert permission.expires_at == expires


@pytest.mark.parametrize(
    ("claims", "code", "message"),
    [
        ({"exp": None}, "key-unknown", '"exp" claim'),
        ({"exp": 1000}, "key-expired", "has expired"),
        ({"exp": "soon"}, "key-unknown", "exp"),
        ({"nbf": time() + 600}, "key-unknown", "not valid yet"),
        ({"aud": "others"}, "key-unknown", "udience"),
        ({"aud": None}, "key-unknown", "aud"),
        ({"symbols": None}, "key-unknown", "the claim symbols must be a text or a list"),
        ({"symbols": 5}, "key-unknown", "the claim symbols must be a text or a list"),
        ({"symbols": ["BTC"]}, "key-unknown", "the claim symbols is invalid"),
        ({"symbols": []}, "key-unknown", "the claim symbols is invalid"),
        ({"sub": "x" * 200}, "key-unknown", "at most 128 characters"),
        ({"sub": "line\nline"}, "key-unknown", "at most 128 characters"),
        ({"symbols": [f"A{n}/*" for n in range(101)]}, "key-unknown", "use at most 100"),
        ({"secret": b"another secret of 32 bytes ......"}, "key-unknown", "ignature"),
        ({"algorithm": "HS512", "secret": SECRET * 2}, "key-unknown", "alg"),
    ],
)
async def test_wrong_token_is_refused_with_the_reason(
    claims: dict[str, Any], code: str, message: str
) -> None:
    with pytest.raises(Denied, match=message) as caught:
        await SECRET_TOKENS.permission(token(**claims))
    assert caught.value.code == code


def unsigned(algorithm: str) -> str:
    head = base64.urlsafe_b64encode(json.dumps({"alg": algorithm, "typ": "JWT"}).encode())
    return f"{head.decode().rstrip('=')}.{token().split('.')[1]}."


@pytest.mark.parametrize(
    "text",
    [unsigned("none"), unsigned("None"), unsigned("HS256"), "a.b.c", "", "x" * 9000, "é.é.é"],
)
async def test_text_that_is_no_signed_token_is_refused(text: str) -> None:
    with pytest.raises(Denied) as caught:
        await SECRET_TOKENS.permission(text)
    assert caught.value.code == "key-unknown"


async def test_token_ends_exactly_at_its_expiry_but_may_be_a_little_early() -> None:
    assert await SECRET_TOKENS.permission(token(nbf=time() + 3, iat=time() + 3))
    with pytest.raises(Denied) as caught:
        await SECRET_TOKENS.permission(token(exp=int(time()) - 1))
    assert caught.value.code == "key-expired"


async def test_token_without_a_practical_end_is_accepted() -> None:
    permission = await SECRET_TOKENS.permission(token(exp=10**400))
    assert not Expiry(permission.expires_at).is_over


async def test_key_set_with_a_private_key_verifies_by_its_public_part() -> None:
    for private, algorithm in ((RSA, "RS256"), (EC, "ES256"), (OKP, "EdDSA")):
        kind = jwt.get_algorithm_by_name(algorithm)
        tokens = key_set(json.loads(kind.to_jwk(private)))
        assert (await tokens.permission(token(private, algorithm))).name == "token:desk"


def test_no_key_is_in_the_text_of_an_object() -> None:
    assert SECRET.decode() not in repr(VerificationKey(SECRET, ("HS256",)))


async def test_token_without_audience_is_needed_if_none_is_set() -> None:
    tokens = Tokens(OneSecret(SECRET))
    assert (await tokens.permission(token(aud=None))).name == "token:desk"
    with pytest.raises(Denied, match="udience"):
        await tokens.permission(token())


@pytest.mark.parametrize(
    ("private", "algorithm"),
    [(RSA, "RS256"), (RSA, "PS512"), (EC, "ES256"), (OKP, "EdDSA")],
)
async def test_key_set_verifies_by_the_kind_of_its_key(private: Any, algorithm: str) -> None:
    tokens = key_set(public(private, algorithm, kid="one", use="sig"))
    signed = token(private, algorithm)
    assert (await tokens.permission(signed)).name == "token:desk"
    with pytest.raises(Denied):
        await tokens.permission(token())


async def test_public_key_is_never_used_as_a_secret() -> None:
    tokens = key_set(public(RSA, "RS256"))
    pem = RSA.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    head, body, _ = token().split(".")
    # PyJWT refuses to sign by a public key, but an attacker's program does not.
    algorithm = jwt.get_algorithm_by_name("HS256")
    signature = algorithm.sign(f"{head}.{body}".encode(), pem)
    forged = f"{head}.{body}.{base64.urlsafe_b64encode(signature).decode().rstrip('=')}"
    with pytest.raises(Denied):
        await tokens.permission(forged)


async def test_key_set_finds_keys_by_their_id() -> None:
    other = ec.generate_private_key(ec.SECP256R1())
    tokens = key_set(public(EC, "ES256", kid="one"), public(other, "ES256", kid="two"))
    claims = jwt.decode(token(), options={"verify_signature": False})
    signed = jwt.encode(claims, other, "ES256", headers={"kid": "two"})
    assert (await tokens.permission(signed)).name == "token:desk"
    for headers in ({"kid": "one"}, {"kid": "three"}, {}):
        wrong = jwt.encode(claims, other, "ES256", headers=headers)
        with pytest.raises(Denied):
            await tokens.permission(wrong)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"[]",
        b'{"keys": 1}',
        b'{"keys": []}',
        b'{"keys": [1]}',
        b'{"keys": [{"kty": "oct", "k": "MDEy"}]}',
        b'{"keys": [{"kty": "RSA", "n": "!", "e": "AQAB"}]}',
        b'{"keys": [{"kty": "RSA", "use": "enc", "n": "x", "e": "AQAB"}]}',
    ],
)
def test_key_set_without_a_usable_key_is_refused(content: bytes) -> None:
    with pytest.raises(Unusable):
        KeySet.parse(content)


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("hs256:/run/secret", "hs256"),
        ("jwks:keys.json", "jwks"),
        ("https://login.example.com/jwks", "https"),
        ("http://127.0.0.1:8080/jwks", "https"),
    ],
)
def test_setting_names_a_file_or_an_address(text: str, kind: str) -> None:
    source = JwtSource.parse(text)
    assert (source.kind, str(source)) == (kind, text)


@pytest.mark.parametrize(
    "text", ["a-secret-by-mistake", "hs512:/x", "hs256:", "http://login.example.com/jwks", "https:"]
)
def test_other_setting_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"^expected hs256:FILE with a secret"):
        JwtSource.parse(text)


@pytest.mark.parametrize("port", ["99999", "0", "x"])
def test_address_with_an_invalid_port_is_refused(port: str) -> None:
    for url in (f"https://login.example.com:{port}/jwks", f"http://127.0.0.1:{port}/jwks"):
        with pytest.raises(ValueError, match="must be a number from 1 to 65535"):
            JwtSource.parse(url)


def test_address_with_a_password_is_refused_without_it() -> None:
    with pytest.raises(ValueError, match="without a user and a password") as caught:
        JwtSource.parse("https://me:hidden@login.example.com/jwks")
    assert "hidden" not in str(caught.value)


def test_audience_without_tokens_is_an_error() -> None:
    with pytest.raises(Unusable, match=r"^API_JWT_AUDIENCE=books: needs API_JWT"):
        read_access_files(None, None, "books")
