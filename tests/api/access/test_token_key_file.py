"""The file of API_JWT: at the start, when it changes, and when its new content is unusable."""

from __future__ import annotations

import json
from pathlib import Path
from time import time
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from prometheus_client import REGISTRY

from api.access.authenticator import Authenticator
from api.access.jwt_source import JwtSource
from api.access.permission import Denied
from api.access.tickets import Tickets
from api.access.token_key_file import TokenKeyFile
from api.access.tokens import MAX_KEY_BYTES, OneSecret, Tokens
from kraken_book.errors import Unusable
from tests.api.access.written_keys import SECRET, token

OTHER_SECRET = b"fedcba9876543210fedcba9876543210"
KEYS = {name: ec.generate_private_key(ec.SECP256R1()) for name in ("old", "new")}


def key_set(*names: str) -> bytes:
    """Return a key set with these keys."""
    kind: Any = jwt.get_algorithm_by_name("ES256")
    keys = [{**json.loads(kind.to_jwk(KEYS[name].public_key())), "kid": name} for name in names]
    return json.dumps({"keys": keys}).encode()


class SecretFile:
    """A file of API_JWT, which is replaced in one step."""

    def __init__(self, path: Path, kind: str, content: bytes) -> None:
        self.path = path
        self.source = JwtSource(kind, str(path))
        self.replace(content)

    def replace(self, content: bytes) -> None:
        """Give it a new content."""
        new = self.path.with_suffix(".new")
        new.write_bytes(content)
        new.replace(self.path)


@pytest.fixture
def secret(tmp_path: Path) -> SecretFile:
    return SecretFile(tmp_path / "secret", "hs256", SECRET + b"\n")


def claims() -> dict[str, Any]:
    return {"exp": time() + 60, "aud": "books", "symbols": ["BTC/*"], "sub": "desk"}


async def accepts(file: TokenKeyFile, text: str) -> bool:
    try:
        await Tokens(file, "books").permission(text)
    except Denied:
        return False
    return True


async def test_new_secret_counts_after_a_check_and_the_old_one_no_longer(
    secret: SecretFile,
) -> None:
    file = TokenKeyFile(secret.source)
    assert await accepts(file, token(SECRET))
    secret.replace(OTHER_SECRET)
    assert not await accepts(file, token(OTHER_SECRET))
    file.check()
    assert await accepts(file, token(OTHER_SECRET))
    assert not await accepts(file, token(SECRET))


async def test_new_key_set_counts_after_a_check(tmp_path: Path) -> None:
    written = SecretFile(tmp_path / "jwks.json", "jwks", key_set("old"))
    file = TokenKeyFile(written.source)
    tokens = {name: token(key, "ES256") for name, key in KEYS.items()}
    written.replace(key_set("new"))
    file.check()
    assert [await accepts(file, tokens[name]) for name in ("old", "new")] == [False, True]


async def test_removed_key_ends_the_permissions_of_its_tokens_only(
    tmp_path: Path, tickets: Tickets
) -> None:
    written = SecretFile(tmp_path / "jwks.json", "jwks", key_set("old", "new"))
    file = TokenKeyFile(written.source)
    tokens = Tokens(file, "books")
    authenticator = Authenticator(None, tokens, tickets, file)
    permissions = [
        await tokens.permission(jwt.encode(claims(), key, "ES256", {"kid": name}))
        for name, key in KEYS.items()
    ]
    holds = [authenticator.validity(each) for each in permissions]
    assert [each() for each in holds] == [True, True]
    written.replace(key_set("new"))
    file.check()
    stored = [await tickets.issue(each) for each in permissions]
    with pytest.raises(Denied, match="signed by an unknown key"):
        await authenticator.redeem(stored[0])
    assert await authenticator.redeem(stored[1]) == permissions[1]
    assert [each() for each in holds] == [False, True]


async def test_ticket_of_a_new_key_works_before_the_file_is_checked(
    secret: SecretFile, tickets: Tickets
) -> None:
    file = TokenKeyFile(secret.source)
    authenticator = Authenticator(None, Tokens(file, "books"), tickets, file)
    new = await Tokens(OneSecret(OTHER_SECRET), "books").permission(token(OTHER_SECRET))
    ticket = await tickets.issue(new)
    secret.replace(OTHER_SECRET)
    assert await authenticator.redeem(ticket) == new


@pytest.mark.parametrize(
    ("kind", "content", "fault"),
    [
        ("hs256", b"short\n", "the secret has 5 bytes, and at least 32 are needed"),
        ("hs256", b"", "the secret has 0 bytes"),
        ("hs256", b"x" * (MAX_KEY_BYTES + 1), f"has more than {MAX_KEY_BYTES} bytes"),
        ("jwks", b"{", "it is no JSON Web Key Set"),
        ("jwks", b'{"keys": []}', "it has no public key of RSA, EC or OKP for signatures"),
        ("jwks", None, "No such file or directory"),
    ],
)
async def test_last_good_keys_stay_and_the_log_says_what_is_wrong(
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    kind: str,
    content: bytes | None,
    fault: str,
) -> None:
    good, text = {
        "hs256": (SECRET, token()),
        "jwks": (key_set("old"), token(KEYS["old"], "ES256")),
    }[kind]
    written = SecretFile(tmp_path / "keys", kind, good)
    file = TokenKeyFile(written.source)
    aside = written.path.rename(tmp_path / "aside")
    if content is not None:
        written.replace(content)
    file.check()
    file.check()
    assert await accepts(file, text)
    assert REGISTRY.get_sample_value("kraken_book_token_keys_up") == 0
    lines = [line for line in capsys.readouterr().out.splitlines() if "old keys stay" in line]
    assert len(lines) == 1
    assert fault in lines[0]
    assert str(written.path) in lines[0]
    assert SECRET.decode() not in lines[0]
    # The very same file, which has not changed meanwhile.
    aside.rename(written.path)
    file.check()
    assert REGISTRY.get_sample_value("kraken_book_token_keys_up") == 1
    assert await accepts(file, text)


@pytest.mark.parametrize(
    ("content", "fault"), [(None, "cannot be read"), (b"short\n", "at least 32 are needed")]
)
def test_unusable_file_is_an_error_at_the_start(
    tmp_path: Path, content: bytes | None, fault: str
) -> None:
    path = tmp_path / "secret"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(Unusable, match=fault):
        TokenKeyFile(JwtSource("hs256", str(path)))
