"""A key and a token for an api, and its settings for both."""

from __future__ import annotations

import hashlib
import json
import secrets
import time
from dataclasses import dataclass, field
from pathlib import Path

from lab.hostile.tokens import HOUR, make_token

AUDIENCE = "books"


@dataclass
class Secrets:
    """The secrets of a scene, of which no part may be shown."""

    key: str
    jwt_secret: str
    token: str
    tickets: set[str] = field(default_factory=set)
    """The tickets that the api has issued."""

    def leaked_in(self, text: str) -> list[str]:
        """Return the secrets that are in a text."""
        return [each for each in (self.key, self.jwt_secret, self.token) if each in text]


def make_secrets() -> Secrets:
    """Return new secrets: a key for all symbols, and a token for one."""
    jwt_secret = secrets.token_hex(32)
    claims = {"exp": int(time.time()) + HOUR, "aud": AUDIENCE, "symbols": ["BTC/USD"]}
    key = f"kb_{secrets.token_urlsafe(32)}"
    return Secrets(key, jwt_secret, make_token(jwt_secret, claims))


def key_settings(known: Secrets, folder: Path) -> dict[str, str]:
    """Write the files of the settings for access, and return these."""
    digest = hashlib.sha256(known.key.encode()).hexdigest()
    key = {"name": "good", "sha256": digest, "symbols": "*"}
    (folder / "keys.json").write_text(json.dumps({"keys": [key]}))
    (folder / "secret").write_text(known.jwt_secret)
    return {
        "API_KEYS_FILE": str(folder / "keys.json"),
        "API_JWT": f"hs256:{folder / 'secret'}",
        "API_JWT_AUDIENCE": AUDIENCE,
    }
