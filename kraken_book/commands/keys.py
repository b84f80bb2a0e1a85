"""`kraken-book keys`: add, list and revoke the keys of an api, in its key file."""

from __future__ import annotations

import argparse
import fcntl
import os
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from errno import EAGAIN
from pathlib import Path
from time import monotonic, sleep
from typing import NoReturn

import msgspec

from kraken_book.access_keys import (
    MAX_FILE_BYTES,
    AccessKey,
    KeyLimits,
    check_name,
    digest_of,
    new_key,
    parse_expiry,
    parse_key_file,
    permitted_symbols,
    render_key_file,
)
from kraken_book.commands.parser import CommandParser
from kraken_book.commands.running import exit_code_of
from kraken_book.errors import Unusable
from kraken_book.printable import printable

FILE_VARIABLE = "API_KEYS_FILE"
VARIABLES = {f"{FILE_VARIABLE} (unset)": "the key file, if --file is not given"}
EXIT_CODES = {
    0: "success",
    1: "the key file cannot be read or written",
    2: "an argument, a setting or the key file is invalid",
    130: "interrupted by SIGINT (Ctrl-C)",
}
NAME = "kraken-book keys"
LOCK_SECONDS = 10.0
# Only the owner may read a new file.
_MODE = 0o600


def run(arguments: Sequence[str]) -> int:
    """Change or show a key file; return the exit code."""
    given = _parse_arguments(arguments)
    return exit_code_of(NAME, lambda: _carried_out(given))


def _carried_out(given: argparse.Namespace) -> int:
    try:
        lines = given.action(given)
    except OSError as error:
        _explain(f"{NAME}: {given.file}: {error.strerror or error}")
        return 1
    for line in lines:
        sys.stdout.write(f"{printable(line)}\n")
    return 0


def add_key(given: argparse.Namespace) -> list[str]:
    """Add a key to the file, and print the key alone on the last line.

    Returns:
        No more lines to print.

    Raises:
        Unusable: The name is taken, an argument is invalid, or the key could not be printed. A key
            that could not be printed is removed again, because nobody knows it.
    """
    limits = {name: getattr(given, f"max_{name}") for name in KeyLimits.__struct_fields__}
    secret = new_key()
    key = AccessKey(
        name=check_name(given.name),
        sha256=digest_of(secret),
        symbols=_checked_symbols(given.symbols),
        expires=None if given.expires is None else _future(given.expires),
        limits=KeyLimits(**limits),
    )
    with _locked(given.file) as path:
        keys = _read(path, may_lack=True)
        if any(each.name == key.name for each in keys):
            raise Unusable(
                f"{key.name!r} has a key already; revoke it first, or choose another name"
            )
        _replace(path, [*keys, key])
    _explain(f"added {_described(key)}\nThe key is shown only now; store it in a safe place:")
    try:
        sys.stdout.write(f"{secret}\n")
        sys.stdout.flush()
    except OSError as error:
        with _locked(given.file) as path:
            _replace(path, [each for each in _read(path) if each.sha256 != key.sha256])
        raise Unusable("the key cannot be printed, so it was removed again") from error
    return []


def list_keys(given: argparse.Namespace) -> list[str]:
    """Return one line for each key of the file."""
    return [_described(key) for key in _read(given.file)]


def revoke_key(given: argparse.Namespace) -> list[str]:
    """Remove a key from the file."""
    with _locked(given.file) as path:
        keys = _read(path)
        kept = [key for key in keys if key.name != given.name]
        if len(kept) == len(keys):
            names = ", ".join(key.name for key in keys) or "none"
            raise Unusable(f"there is no key {given.name[:80]!r} in {path}; there are: {names}")
        _replace(path, kept)
    _explain(f"revoked {given.name}; a running api ends its streams within seconds")
    return []


class _ActionParser(argparse.ArgumentParser):
    """The parser of one action, with errors of one line."""

    def error(self, message: str) -> NoReturn:
        """Print the error in one line and exit with 2."""
        self.exit(2, printable(f"{self.prog}: {message}; see --help") + "\n")


def _parse_arguments(arguments: Sequence[str]) -> argparse.Namespace:
    parser = CommandParser(
        "keys", "Add, list and revoke the keys of an api, in its key file.", EXIT_CODES, VARIABLES
    )
    file = os.environ.get(FILE_VARIABLE) or None
    _add_file(parser, file and Path(file))
    actions = parser.add_subparsers(required=True, metavar="ACTION", parser_class=_ActionParser)
    add = actions.add_parser("add", help="add a key, and print it once, alone on the last line")
    add.add_argument("name", metavar="NAME", help="for logs and limits, such as trading-desk")
    add.add_argument(
        "--symbols",
        default="*",
        help="symbols that it permits, such as 'BTC/*,ETH/USD' (%(default)s)",
    )
    add.add_argument("--expires", metavar="TIME", help="such as 2027-01-01; never if not given")
    for name, text in _LIMITS.items():
        add.add_argument(f"--max-{name}", type=_positive, metavar="N", help=f"the most {text}")
    add.set_defaults(action=add_key)
    listing = actions.add_parser("list", help="show the keys, which are known only by their digest")
    listing.set_defaults(action=list_keys)
    revoke = actions.add_parser("revoke", help="remove a key; its streams end within seconds")
    revoke.add_argument("name", metavar="NAME")
    revoke.set_defaults(action=revoke_key)
    for action in (add, listing, revoke):
        _add_file(action, argparse.SUPPRESS)
    given: argparse.Namespace = parser.parse_args(arguments)
    if given.file is None:
        parser.error(f"name the key file with --file FILE or {FILE_VARIABLE}")
    return given


def _add_file(parser: argparse.ArgumentParser, default: object) -> None:
    """Let the file be named before or after the action."""
    parser.add_argument(
        "--file", type=Path, default=default, help=f"the key file (${FILE_VARIABLE})"
    )


_LIMITS = {
    "requests": "requests per minute",
    "streams": "streams that are open at once",
    "symbols": "symbols of one stream",
    "views": "different choices of symbols and view that are read at once",
    "resumes": "resumed streams per minute that must be read from Redis",
}


def _positive(text: str) -> int:
    if not (text.isascii() and text.isdigit() and 0 < len(text) < 10 and int(text) > 0):
        raise argparse.ArgumentTypeError(f"{text[:40]!r} is not a whole number above 0")
    return int(text)


def _checked_symbols(text: str) -> str:
    permitted_symbols(text)
    return text


def _future(text: str) -> str:
    expires = parse_expiry(text)
    if expires <= datetime.now(UTC):
        raise Unusable(f"{text} is in the past")
    return expires.isoformat().replace("+00:00", "Z")


def _described(key: AccessKey) -> str:
    limits = {name: limit for name, limit in msgspec.structs.asdict(key.limits).items() if limit}
    is_over = key.expires is not None and parse_expiry(key.expires) <= datetime.now(UTC)
    expiry = f"{'expired' if is_over else 'expires'} {key.expires or 'never'}"
    parts = [key.name, f"symbols {key.symbols}", expiry]
    parts += [f"{name} {limit}" for name, limit in limits.items()]
    return "  ".join([*parts, f"sha256 {key.sha256[:12]}…"])


@contextmanager
def _locked(file: Path) -> Iterator[Path]:
    """Yield the file that `file` leads to, while no other process changes files beside it."""
    path = file.resolve()
    descriptor = os.open(path.parent, os.O_RDONLY)
    try:
        _lock(descriptor)
        yield path
    finally:
        os.close(descriptor)


def _lock(descriptor: int) -> None:
    """Lock a folder; raise BlockingIOError if another process holds it for `LOCK_SECONDS`."""
    until = monotonic() + LOCK_SECONDS
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if monotonic() >= until:
                raise BlockingIOError(EAGAIN, "another program holds the lock") from None
            sleep(0.02)
        else:
            return


def _read(path: Path, *, may_lack: bool = False) -> list[AccessKey]:
    try:
        with path.open("rb") as file:
            content = file.read(MAX_FILE_BYTES + 1)
    except FileNotFoundError:
        if may_lack:
            return []
        raise
    try:
        return parse_key_file(content)
    except Unusable as error:
        raise Unusable(f"{path}: {error}") from error


def _replace(path: Path, keys: Sequence[AccessKey]) -> None:
    """Write the file anew, so that a reader finds the old or the new content, never a part."""
    descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(descriptor, "wb") as file:
            _copy_owner(path, file.fileno())
            file.write(render_key_file(keys))
            file.flush()
            os.fsync(file.fileno())
        Path(name).replace(path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise


def _copy_owner(path: Path, descriptor: int) -> None:
    """Give a new file the mode and the group of the old one, which the api's user can read."""
    if not path.exists():
        os.fchmod(descriptor, _MODE)
        return
    status = path.stat()
    if (status.st_uid, status.st_gid) != (os.getuid(), os.getgid()):
        os.fchown(descriptor, status.st_uid, status.st_gid)
    os.fchmod(descriptor, status.st_mode & 0o777)


def _explain(text: str) -> None:
    for line in text.splitlines():
        print(printable(line), file=sys.stderr)  # noqa: T201 - a message, not the result
