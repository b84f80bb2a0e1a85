"""What `Client` and `AsyncClient` ask an api, without I/O and without waiting.

A call is a generator that returns the result. It yields an `Ask` and is sent the answer, or it
yields a `Pause`. So this module alone decides which requests are made and repeated; the two clients
only send requests and wait.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable, Sequence
from typing import NamedTuple, TypeAlias, TypeVar

import msgspec

from kraken_book.client.address import ApiAddress
from kraken_book.client.arguments import (
    checked_attempts,
    checked_seconds,
    requested_names,
    wildcards_in,
)
from kraken_book.client.attempts import Attempts
from kraken_book.client.best import BestPrices, best_path, read_best
from kraken_book.client.depth import depth_path, read_book
from kraken_book.client.fetch import Answer, NoAnswer
from kraken_book.client.past_events import EventPage, PageRequest
from kraken_book.client.watching import Watch, watch
from kraken_book.errors import KrakenBookError
from kraken_book.frozen_book import FrozenBook
from kraken_book.selection import is_wildcard
from kraken_book.symbols import normalize_symbol

__all__ = ["ATTEMPTS", "TIMEOUT", "ApiCalls", "Ask", "Call", "Pause"]

TIMEOUT = 10.0
ATTEMPTS = 3
SYMBOLS_PATH = "/symbols"


class Ask(NamedTuple):
    """Send a GET request of `path`; send the answer to the call, or throw the NoAnswer into it."""

    path: str


class Pause(NamedTuple):
    """Wait."""

    seconds: float


_T = TypeVar("_T")
Call: TypeAlias = Generator[Ask | Pause, Answer | None, _T]
_symbols: msgspec.json.Decoder[list[str]] = msgspec.json.Decoder(list[str])


class ApiCalls:
    """What both clients share: the address, its key, the limits of a request, and the calls.

    Args:
        url: The address of the api.
        key: Sent as a Bearer token.
        timeout: Seconds for each request.
        attempts: Requests for one answer at most.
    """

    def __init__(
        self,
        url: str,
        *,
        key: str | None = None,
        timeout: float = TIMEOUT,
        attempts: int = ATTEMPTS,
    ) -> None:
        self._url, self._key = url, key
        self._address = ApiAddress(url, key)
        self._is_closed = False
        self._seconds = checked_seconds(timeout)
        self._attempts = checked_attempts(attempts)

    def __repr__(self) -> str:
        return f"<{type(self).__name__} of {self._address.shown}>"

    def watch(self, *symbols: str | Iterable[str], give_up_after: float | None = None) -> Watch:
        """Return an iterable over the books of `symbols` as they change, as `kraken_book.watch`.

        It has this client's key and timeout, a connection of its own, and reconnects without limit.

        Args:
            symbols: As for `kraken_book.watch`.
            give_up_after: As for `kraken_book.watch`.
        """
        return watch(
            self._url, *symbols, key=self._key, timeout=self._seconds, give_up_after=give_up_after
        )

    def _require_open(self) -> None:
        if self._is_closed:
            name = type(self).__name__
            raise RuntimeError(
                f"this {name} is closed: make another {name}, or call it within its `with` block"
            )

    # Calls

    def _book(self, symbol: str, *, only_live: bool) -> Call[FrozenBook]:
        (name,) = requested_names((symbol,), most=1)

        def read(answer: Answer) -> FrozenBook:
            return read_book(answer, self._address, name, only_live=only_live)

        return (yield from self._get(depth_path(name), read))

    def _names(self, symbols: Iterable[str | Iterable[str]]) -> Call[tuple[str, ...]]:
        """Return the names of the books that `symbols` select."""
        names = requested_names(tuple(symbols))
        if any(map(is_wildcard, names)):
            names = _expanded(names, (yield from self._symbols()))
        return names

    def _best(self, pair: str) -> Call[BestPrices]:
        (name,) = requested_names((pair,), most=1)

        def read(answer: Answer) -> BestPrices:
            return read_best(answer, self._address, name)

        return (yield from self._get(best_path(name), read))

    def _symbols(self) -> Call[list[str]]:
        return self._get(SYMBOLS_PATH, self._read_symbols)

    def _page(self, request: PageRequest) -> Call[EventPage]:
        return self._get(request.path, lambda answer: request.read_page(answer, self._address))

    def _get(self, path: str, read: Callable[[Answer], _T]) -> Call[_T]:
        attempts = Attempts(self._attempts, max_pause=self._seconds)
        while True:
            try:
                return read((yield from self._ask(path)))
            except KrakenBookError as error:
                pause = attempts.pause_after(error)
            yield Pause(pause)

    def _ask(self, path: str) -> Call[Answer]:
        try:
            answer = yield Ask(path)
        except NoAnswer as failed:
            error = failed.error(self._address)
            raise error from failed
        assert answer is not None, "the answer was not sent to the call"
        return answer

    def _read_symbols(self, answer: Answer) -> list[str]:
        try:
            if answer.status == 200:
                return _symbols.decode(answer.body)
        except (msgspec.DecodeError, UnicodeDecodeError):
            pass
        raise answer.error(self._address)


def _expanded(names: Sequence[str], symbols: Sequence[str]) -> tuple[str, ...]:
    """Return the names, then the symbols that the wildcards among them select."""
    wildcards = wildcards_in(names)
    assert wildcards is not None, "there is no wildcard"
    named = [name for name in names if not is_wildcard(name)]
    excludes = wildcards._replace(names=(), patterns=wildcards.unwanted, unwanted=())
    kept = [name for name in named if not excludes.selects(normalize_symbol(name))]
    return tuple(dict.fromkeys((*kept, *wildcards.among(symbols))))
