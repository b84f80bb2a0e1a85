"""The compose file's users of Redis: their passwords and rights, in a real Redis."""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from collector.settings import VENUES
from lab.process import ROOT
from lab.redis_fleet import Fleet, RedisServer, command

SCRIPT = ROOT / "deploy" / "redis" / "passwords.sh"
USERS = ("collector", "api", "operator", "replica", "sentinel")

pytestmark = [
    pytest.mark.process,
    pytest.mark.skipif(os.geteuid() != 0, reason="only root can give Redis its files"),
    pytest.mark.skipif(shutil.which("sha256sum") is None, reason="no sha256sum on the PATH"),
]


# The `redis-cli` of the script's container, at the server of a test. It can end before the old
# password is removed.
REDIS_CLI = """#!{python}
import os, sys
from redis import Redis
from redis.credentials import UsernamePasswordCredentialProvider as Login
options, call = sys.argv[1:6], sys.argv[6:]
assert options == ["-e", "-h", "redis", "--user", "operator"], options
if os.environ.get("ENDS_EARLY") and "resetpass" in call:
    sys.exit(1)
login = Login("operator", os.environ["REDISCLI_AUTH"])
Redis(port={port}, credential_provider=login).execute_command(*call)
"""


def make_passwords(folder: Path) -> None:
    """Run the script as the compose file does."""
    subprocess.run(["sh", str(SCRIPT), "create"], env=environment(folder), check=True)


def environment(folder: Path, **more: str) -> dict[str, str]:
    rights = str(ROOT / "deploy" / "redis-acl.conf")
    return {**os.environ, "SECRETS": str(folder), "RIGHTS": rights, **more}


def rotate(server: RedisServer, user: str, **more: str) -> int:
    """Run `rotate USER` against a server; return the exit code."""
    folder = server.folder.parent
    path = folder / "bin" / "redis-cli"
    path.parent.mkdir(exist_ok=True)
    path.write_text(REDIS_CLI.format(python=sys.executable, port=server.port))
    path.chmod(0o755)
    found = f"{path.parent}:{os.environ['PATH']}"
    variables = environment(folder / "secrets", PATH=found, **more)
    return subprocess.run(
        ["sh", str(SCRIPT), "rotate", user], env=variables, check=False
    ).returncode


def digests_of(server: RedisServer, user: str) -> list[str]:
    """Return the digests of the passwords that a user has in Redis."""
    lines = [str(line) for line in command(server, "ACL", "LIST")]
    (line,) = [each for each in lines if f"user {user} " in each]
    return re.findall(r" #([0-9a-f]{64})", line)


def digest(path: Path) -> str:
    return hashlib.sha256(path.read_text().strip().encode()).hexdigest()


@pytest.fixture
def server(tmp_path: Path) -> Iterator[RedisServer]:
    """Yield a Redis with the users of the script, of whom the default one may do all."""
    secrets = tmp_path / "secrets"
    make_passwords(secrets)
    users = secrets / "redis" / "users.acl"
    users.write_text(users.read_text().replace("default off", "default on nopass"))
    with Fleet(tmp_path) as fleet:
        server = fleet.server("redis", aclfile=users)
        server.start()
        yield server


def may(server: RedisServer, user: str, *call: str) -> bool:
    """Return whether Redis would let a user do this."""
    return str(command(server, "ACL", "DRYRUN", user, *call)) in ("OK", "b'OK'")


def test_each_user_has_the_password_of_its_file(server: RedisServer, tmp_path: Path) -> None:
    passwords = {user: (tmp_path / "secrets" / user / "password").read_text() for user in USERS}
    assert len(set(passwords.values())) == len(USERS)
    listed = [
        line.decode() if isinstance(line, bytes) else line
        for line in command(server, "ACL", "LIST")
    ]
    for user, password in passwords.items():
        (line,) = [each for each in listed if each.startswith(f"user {user} ")]
        assert f" #{hashlib.sha256(password.strip().encode()).hexdigest()} " in line


@pytest.mark.parametrize("venue", VENUES)
def test_services_reach_the_keys_of_each_venue(server: RedisServer, venue: str) -> None:
    book = f"{venue}:book:{{BTC/USD}}"
    assert may(server, "collector", "HSET", book, "a", "b")
    assert may(server, "api", "HGETALL", book)
    assert not may(server, "api", "HSET", book, "a", "b")
    assert not may(server, "collector", "HSET", f"other:{venue}:book:x", "a", "b")


def test_users_without_a_password_learn_no_secret(server: RedisServer) -> None:
    assert may(server, "health", "PING")
    assert may(server, "exporter", "INFO")
    for call in (("CONFIG", "GET", "masterauth"), ("GET", "x"), ("ACL", "LIST"), ("KEYS", "*")):
        for user in ("health", "exporter"):
            assert not may(server, user, *call)


def test_passwords_stay_when_they_are_made_again(tmp_path: Path) -> None:
    make_passwords(tmp_path)
    before = {user: (tmp_path / user / "password").read_text() for user in USERS}
    make_passwords(tmp_path)
    assert {user: (tmp_path / user / "password").read_text() for user in USERS} == before


def test_replaced_password_is_the_only_one(server: RedisServer, tmp_path: Path) -> None:
    before = digest(tmp_path / "secrets" / "api" / "password")
    assert rotate(server, "api") == 0
    after = digest(tmp_path / "secrets" / "api" / "password")
    assert after != before
    assert digests_of(server, "api") == [after]
    assert f"#{after}" in (tmp_path / "secrets" / "redis" / "users.acl").read_text()


def test_replacement_that_ended_early_leaves_no_old_password_after_the_next(
    server: RedisServer, tmp_path: Path
) -> None:
    file = tmp_path / "secrets" / "operator" / "password"
    first = digest(file)
    assert rotate(server, "operator", ENDS_EARLY="1") != 0
    second = digest(file)
    assert set(digests_of(server, "operator")) == {first, second}, "both work"
    assert rotate(server, "operator") == 0
    assert digests_of(server, "operator") == [digest(file)]
