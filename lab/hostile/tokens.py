"""JSON web tokens of every wrong kind, made without a library that would refuse to."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import time
from collections.abc import Callable, Mapping
from typing import Any

HOUR = 3600
_HASHES = {"HS256": hashlib.sha256, "HS384": hashlib.sha384, "HS512": hashlib.sha512}


def make_token(
    secret: str, claims: Mapping[str, Any], algorithm: str = "HS256", **header: Any
) -> str:
    """Return a token.

    Args:
        secret: The secret of its signature; "" for no signature.
        claims: Its claims.
        algorithm: The algorithm that its header names. It is signed with HS256 if it is unknown.
        header: Other fields of its header.
    """
    header_json = json.dumps({"alg": algorithm, **header}).encode()
    claims_json = json.dumps(claims).encode()
    if not secret:
        return f"{_encoded(header_json)}.{_encoded(claims_json)}."
    return _signed(secret, header_json, claims_json, _HASHES.get(algorithm, hashlib.sha256))


def wrong_tokens(secret: str, audience: str) -> dict[str, str]:
    """Return tokens that an api with this secret and audience must refuse, by what is wrong.

    Args:
        secret: The api's secret for HS256.
        audience: The audience that the api demands.
    """
    now = int(time.time())
    good = {"exp": now + HOUR, "aud": audience, "symbols": ["BTC/USD"]}
    token = make_token(secret, good)
    head, body, signature = token.split(".")
    deep = b'{"a":' * 1000
    other_claims = _encoded(json.dumps(good | {"symbols": ["*"]}).encode())
    without_exp = {name: value for name, value in good.items() if name != "exp"}
    return {
        "no signature": make_token("", good),
        "alg none": make_token("", good, "none"),
        "alg None": make_token("", good, "None"),
        "alg none, signed": make_token(secret, good, "none"),
        "another algorithm": make_token(secret, good, "HS512"),
        "alg RS256": make_token(secret, good, "RS256"),
        "alg of a number": make_token(secret, good, 256),  # type: ignore[arg-type]
        "another secret": make_token(f"{secret}x", good),
        "empty secret": make_token(" ", good),
        "kid of a path": make_token("", good, kid="../../../dev/null"),
        "jku of a stranger": make_token("x", good, jku="http://127.0.0.1:1/keys"),
        "critical header": make_token(secret, good, crit=["exp"], exp=1),
        "expired": make_token(secret, good | {"exp": now - HOUR}),
        "without exp": make_token(secret, without_exp),
        "exp of a text": make_token(secret, good | {"exp": "tomorrow"}),
        "exp of null": make_token(secret, good | {"exp": None}),
        "exp of a list": make_token(secret, good | {"exp": [now + HOUR]}),
        "infinite exp": make_token(secret, good | {"exp": float("inf")}),
        "exp of NaN": make_token(secret, good | {"exp": float("nan")}),
        "not yet valid": make_token(secret, good | {"nbf": now + HOUR}),
        "another audience": make_token(secret, good | {"aud": "elsewhere"}),
        "without audience": make_token(secret, {"exp": now + HOUR}),
        "symbols of a number": make_token(secret, good | {"symbols": 7}),
        "symbols of nested lists": make_token(secret, good | {"symbols": [["BTC/USD"]]}),
        "claims of a list": make_token(secret, [good]),  # type: ignore[arg-type]
        "signed deep claims": _signed(secret, b'{"alg":"HS256"}', b"[" * 3000),
        "signed claims that are no JSON": _signed(secret, b'{"alg":"HS256"}', b"\xff"),
        "claims of a text": f"{head}.{_encoded(b'x')}.{signature}",
        "changed claims": f"{head}.{other_claims}.{signature}",
        "cut signature": token[:-2],
        "lengthened signature": f"{token}AA",
        "four parts": f"{token}.{signature}",
        "two parts": f"{head}.{body}",
        "dots": "..",
        "deep claims": f"{head}.{_encoded(b'[' * 3000)}.{signature}",
        "deep header": f"{_encoded(b'[' * 3000)}.{body}.{signature}",
        "deep object as header": f"{_encoded(deep)}.{body}.{signature}",
        "header of a list": f"{_encoded(b'[]')}.{body}.{signature}",
        "kid of an object": make_token(secret, good | {"exp": now - HOUR}, kid={"a": 1}),
        "huge number": _signed(secret, b'{"alg":"HS256"}', b'{"exp":' + b"9" * 5000 + b"}"),
        "huge": make_token(secret, good | {"x": "x" * 30_000, "exp": now - HOUR}),
        "not base64": f"{head}.%%%.{signature}",
        "not ASCII": f"{head}.{body}.\xe4\xf6\xff",
        "empty": "",
        "space within": f"{head}. {body}.{signature}",
    }


def _signed(
    secret: str, header: bytes, claims: bytes, digest: Callable[..., Any] = hashlib.sha256
) -> str:
    signed = f"{_encoded(header)}.{_encoded(claims)}"
    return f"{signed}.{_encoded(hmac.new(secret.encode(), signed.encode(), digest).digest())}"


def _encoded(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()
