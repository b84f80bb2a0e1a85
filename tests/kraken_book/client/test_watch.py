"""A watch on an api that lies, breaks off, refuses, is away: no wrong book, and it comes back.

The api here says what the test wants; the sockets and the client are real. The book of a seq has so
many lots at its best bid, so each book that is handed out says itself whether it is right.
"""

from __future__ import annotations

import asyncio
import gc
import logging
import socket
from collections.abc import Awaitable, Callable, Iterable, Iterator
from contextlib import suppress
from itertools import islice
from typing import Any

import msgspec
import pytest

from kraken_book import LiveBook, Refused, UnknownSymbol, Watch, watch
from kraken_book.client import session
from kraken_book.client.following import Patience
from kraken_book.client.session import ClientSession
from kraken_book.client.sse import MAX_BYTES
from kraken_book.event import StatusChange
from lab.canned_api import HOLD, Answer, CannedApi, answer, endless, problem, sse, stream, told
from lab.waiting import wait_until
from lab.written_books import SYMBOL, snapshot, status, update, updates

OTHER = "ETH/USD"
EVENT_LIMIT = 200


@pytest.fixture(autouse=True)
def no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    """It comes back at once; how long it stays away, `test_session` says."""
    monkeypatch.setattr(ClientSession, "pause", lambda _self: 0.0)


def assert_right(book: LiveBook) -> None:
    """A book that is handed out as live is the collector's of its seq."""
    if book.is_live and not isinstance(book.event, StatusChange):
        assert book.best_bid is not None
        assert book.best_bid.lots == book.seq


def until(api: CannedApi, holds: Callable[[LiveBook], bool], *symbols: str) -> list[str]:
    """What a reader is told, event by event, until a book for which it holds."""
    said = []
    for book in islice(watch(api.url, *(symbols or (SYMBOL,))), EVENT_LIMIT):
        assert_right(book)
        said.append(f"{book.status} {book.reason or book.seq}")
        if holds(book):
            return said
    raise AssertionError(f"it never held: {said[:20]}")


def live_at(seq: int) -> Callable[[LiveBook], bool]:
    return lambda book: book.is_live and book.seq == seq


def lie(form: str, **members: object) -> bytes:
    """Event 5, but for these members."""
    written = (snapshot(5) if form == "snapshot" else update(5)).entry(7)
    return sse("1000-5", msgspec.json.encode(msgspec.json.decode(written.data) | members))


LIES = {
    "a wrong checksum": (lie("update", checksum=1), "checksum"),
    "no checksum": (lie("update", checksum=None), "unverified"),
    "an event is missing": (told(update(6)), "gap"),
    "a level that makes no sense": (lie("update", bids=[["1e9", "0.123456789"]]), "level"),
    "a snapshot of another book": (lie("snapshot", bids=[["7.0", "1.00000000"]]), "checksum"),
    "a snapshot too deep": (lie("snapshot", depth=10**6), "level"),
    "broken JSON": (b'data: {"symbol":"BTC/USD","kin\n\n', "disconnected"),
    "JSON that is no event": (b"data: [1,2,3]\n\n", "disconnected"),
    "an unknown kind": (lie("update", kind="rumour"), "disconnected"),
    "no UTF-8": (b'data: {"symbol":"\xff"}\n\n', "disconnected"),
    "a book that nobody asked for": (told(snapshot(5), symbol=OTHER), "disconnected"),
    "an endless line": (b"data: " + b"x" * (MAX_BYTES + 1), "disconnected"),
}


@pytest.mark.parametrize("name", LIES)
def test_after_a_lie_no_book_is_shown_as_live_until_a_fresh_snapshot_proves_one(name: str) -> None:
    data, reason = LIES[name]
    lying = stream(told(snapshot(3), update(4)), data, told(*updates(5, 9)), HOLD)
    with CannedApi(lying, stream(told(snapshot(20), update(21)), HOLD)) as api:
        said = until(api, live_at(21))
    assert said[:2] == ["live 3", "live 4"]
    assert said[2].endswith(reason)
    assert not [word for word in said[2:-2] if word.startswith("live")]
    assert said[-2:] == ["live 20", "live 21"]
    assert "last-event-id" not in api.requests[1].headers, "from a snapshot, not from where it was"


def test_events_that_come_again_change_nothing() -> None:
    again = told(snapshot(3), update(4), update(4), update(3), snapshot(3), update(5))
    with CannedApi(stream(again, HOLD)) as api:
        assert until(api, live_at(5)) == ["live 3", "live 4", "live 5"]
    assert len(api.requests) == 1


@pytest.mark.parametrize("cut", [1, 10, 60, -1])
def test_a_stream_cut_in_the_middle_of_an_event_goes_on_after_the_last_whole_one(cut: int) -> None:
    begun = stream(told(snapshot(3), update(4)), told(update(5))[:cut])
    with CannedApi(begun, stream(told(update(5), update(6)), HOLD)) as api:
        said = until(api, live_at(6))
    told_of_cut = ["stale disconnected", "live 4"]
    assert said == ["live 3", "live 4", *told_of_cut, "live 5", "live 6"]
    assert api.requests[1].headers["last-event-id"] == "1000-4"


def test_a_stream_of_many_books_goes_on_from_its_last_watermark() -> None:
    both = told(snapshot(3)) + told(snapshot(3), symbol=OTHER)
    again = told(update(4), symbol=OTHER) + told(snapshot(3), update(4))
    with CannedApi(stream(both), stream(again, HOLD)) as api:
        until(api, lambda book: book.symbol == SYMBOL and live_at(4)(book), SYMBOL, OTHER)
    assert api.requests[0].target == "/stream?symbols=BTC%2FUSD,ETH%2FUSD"
    assert api.requests[1].headers["last-event-id"] == "1000-3"


def test_a_doubt_about_one_of_many_books_leaves_the_others_live_and_is_asked_anew() -> None:
    both = told(snapshot(3)) + told(snapshot(3), symbol=OTHER)
    others = [told(update(seq), symbol=OTHER) for seq in range(4, 9)]
    fresh = stream(told(snapshot(30)) + told(snapshot(30), symbol=OTHER), HOLD)
    seen: dict[str, list[str]] = {SYMBOL: [], OTHER: []}

    def lying() -> Iterator[bytes]:
        yield from stream(both, lie("update", seq=4, checksum=1), *others)
        while len(api.requests) == 1:
            yield b": on\n\n"

    with CannedApi(lying(), fresh) as api:
        for book in watch(api.url, SYMBOL, OTHER):
            assert_right(book)
            seen[book.symbol].append(f"{book.status} {book.reason or book.seq}")
            if live_at(30)(book) and book.symbol == OTHER:
                break
    assert seen[SYMBOL][:2] == ["live 3", "syncing checksum"]
    assert seen[OTHER][:6] == [f"live {seq}" for seq in range(3, 9)]
    assert seen[SYMBOL][-1] == "live 30"
    assert "last-event-id" not in api.requests[1].headers


def test_an_api_that_invents_symbols_does_not_fill_the_memory(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(session, "MAX_BOOKS", 20)
    invented = [told(snapshot(3), symbol=f"A{number}/USD") for number in range(50)]
    with CannedApi(stream(*invented, HOLD), stream(told(snapshot(9)), HOLD)) as api:
        books = watch(api.url, "*")
        assert [book.status for book in islice(books, 21)] == ["live"] * 20 + ["stale"]
        assert len(books.books) == 20


@pytest.mark.parametrize("piece", [b"x" * 65536, b"data: " + b"x" * 65536 + b"\n"])
def test_of_an_endless_line_little_is_read(piece: bytes) -> None:
    with CannedApi(endless(piece), stream(told(snapshot(9)), HOLD)) as api:
        until(api, live_at(9))
        # What is beyond the bound is what the system's buffers hold.
        assert api.bytes_sent < 16 * MAX_BYTES


def test_nothing_is_asked_for_that_grows_when_it_is_unpacked() -> None:
    with CannedApi(stream(told(snapshot(3)), HOLD)) as api:
        until(api, live_at(3))
    assert api.requests[0].headers["accept-encoding"] == "identity"


def test_of_a_refusal_without_end_little_is_read() -> None:
    refusal = [b"HTTP/1.1 502 So\r\n\r\n", *[b"x" * 65536] * 1000]
    with CannedApi(refusal, stream(told(snapshot(9)), HOLD)) as api:
        until(api, live_at(9))
        assert api.bytes_sent < 16 * MAX_BYTES


def test_an_api_that_falls_silent_is_left() -> None:
    with CannedApi(stream(told(snapshot(3)), HOLD), stream(told(update(4)), HOLD)) as api:
        books = Watch(api.url, (SYMBOL,), patience=Patience(silence=1.0))
        assert next(book for book in books if live_at(4)(book))
    assert api.requests[1].headers["last-event-id"] == "1000-3"


def test_an_api_that_moved_is_followed() -> None:
    with CannedApi(stream(told(snapshot(3)), HOLD)) as there:
        moved = answer(307, b"", f"location: {there.url}/stream/BTC%2FUSD")
        with CannedApi(moved) as api:
            assert until(api, live_at(3)) == ["live 3"]


def test_a_proxy_of_the_environment_is_not_asked_for_what_is_on_this_machine(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
    with CannedApi(stream(told(snapshot(3)), HOLD)) as api:
        assert until(api, live_at(3)) == ["live 3"]


def test_the_key_is_a_bearer_token_and_symbols_may_be_spelled_as_people_do() -> None:
    with CannedApi(stream(told(snapshot(3)), HOLD)) as api:
        for book in watch(api.url, "btc-usd", key="secret"):
            assert book.symbol == SYMBOL
            break
    assert api.requests[0].target == "/stream/btc-usd"
    assert api.requests[0].headers["authorization"] == "Bearer secret"


def test_a_symbol_that_the_api_does_not_have_is_an_error_with_the_nearest() -> None:
    refusal = problem(404, "no symbol 'BTC/US'", ["BTC/USD"])
    with CannedApi(refusal) as api, pytest.raises(UnknownSymbol, match="'BTC/US'") as caught:
        next(iter(watch(api.url, "BTC/US")))
    assert caught.value.symbols == ["BTC/USD"]


REFUSALS = {
    "a key that is none": (problem(401, "no such key"), "no such key"),
    "a bad request": (problem(400, "symbols: too many"), "symbols: too many"),
    "no problem+json": (answer(403, b"<h1>Go  away</h1>"), "<h1>Go away</h1>"),
    "no body": (answer(405, b""), "405"),
    "a page": (answer(200, b"<html>", "content-type: text/html"), "is this the address of an api"),
}


@pytest.mark.parametrize("name", REFUSALS)
def test_what_will_always_be_refused_is_an_error_in_the_apis_words(name: str) -> None:
    refusal, words = REFUSALS[name]
    with CannedApi(refusal) as api, pytest.raises(Refused, match=words):
        next(iter(watch(api.url, SYMBOL)))


PASSING: dict[str, Answer] = {
    "Redis is away": problem(503, "Redis cannot be reached"),
    "no collector yet": problem(503, "no collector has told of its symbols yet"),
    "too many requests": problem(429),
    "a proxy without replicas": answer(502, b""),
    "a failure": answer(500, b"x" * 200_000),
}


@pytest.mark.parametrize("name", PASSING)
def test_what_passes_is_waited_for(name: str) -> None:
    with CannedApi(PASSING[name], stream(told(snapshot(3)), HOLD)) as api:
        assert until(api, live_at(3)) == ["live 3"]


@pytest.mark.parametrize(
    "refusal", [problem(404), answer(200, b"<html>", "content-type: text/html")]
)
def test_what_was_served_is_asked_for_again_though_it_is_gone(refusal: Answer) -> None:
    with CannedApi(stream(told(snapshot(3))), refusal, stream(told(update(4)), HOLD)) as api:
        until(api, live_at(4))
    assert api.requests[2].headers["last-event-id"] == "1000-3"


def test_an_id_that_the_next_api_refuses_is_forgotten() -> None:
    first = stream(told(snapshot(3)))
    with CannedApi(first, problem(400, "no id"), stream(told(snapshot(9)), HOLD)) as api:
        until(api, live_at(9))
    assert "last-event-id" not in api.requests[2].headers


def test_while_nobody_is_there_it_says_so_once_and_comes_back(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.INFO, "kraken_book.client")
    with socket.create_server(("127.0.0.1", 0)) as probe:
        url = f"http://127.0.0.1:{probe.getsockname()[1]}"
    books = watch(url, SYMBOL)

    async def follow() -> None:
        async for _ in books:
            pass

    async def scene() -> None:
        following = asyncio.create_task(follow())
        await asyncio.to_thread(wait_until, lambda: caplog.messages, "it says so")
        assert books.outage is not None
        following.cancel()
        await asyncio.wait([following])

    asyncio.run(scene())
    (line,) = caplog.messages
    assert "no stream" in line


@pytest.mark.parametrize("url", ["localhost:3000", "ftp://x", "http://", "", "http://[::1", "x"])
def test_what_is_no_url_is_refused_before_anything_is_asked(url: str) -> None:
    with pytest.raises(ValueError, match="no URL"):
        watch(url, SYMBOL)


@pytest.mark.parametrize("symbols", [(), ("",), (SYMBOL, "")])
def test_no_symbol_is_refused(symbols: tuple[str, ...]) -> None:
    with pytest.raises(ValueError, match="name at least one symbol"):
        watch("http://localhost:3000", *symbols)


def test_a_plain_loop_that_is_left_leaves_no_connection() -> None:
    with CannedApi(stream(told(snapshot(3)), HOLD)) as api:
        for _ in watch(api.url, SYMBOL):
            break
        wait_until(lambda: api.open_connections == 0, "the connection is closed")


async def leave_by_break(url: str) -> None:
    async for _ in watch(url, SYMBOL):
        break
    await asyncio.sleep(0)


async def leave_by_error(url: str) -> None:
    with suppress(ZeroDivisionError):
        async for _ in watch(url, SYMBOL):
            raise ZeroDivisionError


async def leave_by_cancel(url: str) -> None:
    async def follow() -> None:
        async for _ in watch(url, SYMBOL):
            following.set()

    following = asyncio.Event()
    task = asyncio.create_task(follow())
    await following.wait()
    task.cancel()
    await asyncio.wait([task])
    assert task.cancelled()


async def leave_by_context(url: str) -> None:
    async with watch(url, SYMBOL) as books:
        async for _ in books:
            break


@pytest.mark.usefixtures("no_garbage_of_other_tests")
@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize(
    "leave", [leave_by_break, leave_by_error, leave_by_cancel, leave_by_context]
)
async def test_however_a_loop_is_left_no_task_and_no_socket_stays(
    leave: Callable[[str], Awaitable[None]],
) -> None:
    with CannedApi(stream(told(snapshot(3)), HOLD)) as api:
        loop, before = asyncio.get_running_loop(), asyncio.all_tasks()
        await leave(api.url)

        def is_gone() -> bool:
            return not api.open_connections and asyncio.all_tasks(loop) == before

        await asyncio.to_thread(wait_until, is_gone, "neither task nor socket is left")
        gc.collect()


async def test_async_for_gives_the_same_as_a_plain_loop() -> None:
    script = [stream(told(snapshot(3), update(4))), stream(told(update(5)), HOLD)]
    with CannedApi(*script) as api:
        said = []
        async with watch(api.url, SYMBOL) as books:
            async for book in books:
                said.append(f"{book.status} {book.reason or book.seq}")
                if live_at(5)(book):
                    break
        assert books.books[SYMBOL].counts.verified == 3
    with CannedApi(*script) as api:
        assert said == await asyncio.to_thread(until, api, live_at(5))


def test_what_the_collector_says_is_told() -> None:
    with CannedApi(stream(told(snapshot(3), status(4, "syncing"), snapshot(8)), HOLD)) as api:
        assert until(api, live_at(8)) == ["live 3", "syncing 4", "live 8"]


@pytest.mark.parametrize(
    "symbols",
    [
        (["BTC/USD", "ETH/USD"],),
        (("BTC/USD", "ETH/USD"),),
        ("BTC/USD", ["ETH/USD"]),
        ("BTC/USD, ETH/USD",),
        ({"BTC/USD": 1}.keys(), {"ETH/USD"}),
        (name for name in [["BTC/USD", "ETH/USD", "BTC/USD"]]),
    ],
    ids=["list", "tuple", "mixed", "commas", "sets", "generator"],
)
def test_names_in_lists_are_understood(symbols: tuple[str | Iterable[str], ...]) -> None:
    both = told(snapshot(3)) + told(snapshot(3), symbol=OTHER)
    with CannedApi(stream(both, HOLD)) as api:
        next(iter(watch(api.url, *symbols)))
    assert api.requests[0].target == "/stream?symbols=BTC%2FUSD,ETH%2FUSD"


@pytest.mark.parametrize("wrong", [3, None, b"BTC/USD", [3], ["BTC/USD", None], {"BTC/USD": 1}])
def test_what_is_no_name_is_an_error_that_names_it(wrong: Any) -> None:
    with pytest.raises(TypeError, match=r"is no symbol: watch\(\) takes names such as") as caught:
        watch("http://localhost:3000", wrong)
    assert (
        type(wrong).__name__ in str(caught.value)
        or "3" in str(caught.value)
        or "None" in str(caught.value)
    )


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("localhost:3000", "no URL of an api: it takes one such as http://localhost:3000"),
        ("http://u:secret@localhost:3000?x=1", "without '\\?'"),
        ("http://u:secret@localhost:x", "no URL"),
        ("u:secret@localhost:3000", "no URL"),
        ("http://u:secret@localhost:99999", "no such port"),
    ],
)
def test_url_that_cannot_be_used_is_an_error_that_hides_its_password(url: str, words: str) -> None:
    with pytest.raises(ValueError, match=words) as caught:
        watch(url, SYMBOL)
    assert "secret" not in str(caught.value)


def test_url_that_is_no_text_is_an_error() -> None:
    with pytest.raises(TypeError, match="no URL of an api"):
        watch(None, SYMBOL)  # type: ignore[arg-type]


@pytest.mark.parametrize("key", ["", "sécret", "se\ncret", "se cret"])
def test_key_that_cannot_be_sent_is_an_error_that_hides_it(key: str) -> None:
    with pytest.raises(ValueError, match="the key has characters") as caught:
        watch("http://localhost:3000", SYMBOL, key=key)
    assert "cret" not in str(caught.value)


def test_path_and_user_of_a_url_are_kept_and_the_password_is_told_to_nobody(
    caplog: pytest.LogCaptureFixture,
) -> None:
    with CannedApi(problem(503), stream(told(snapshot(3)), HOLD)) as api:
        url = api.url.replace("http://", "http://me:secret@") + "/books/live/"
        assert next(iter(watch(url, SYMBOL))).is_live
    assert api.requests[1].target == "/books/live/stream/BTC%2FUSD"
    assert api.requests[1].headers["authorization"].startswith("Basic ")
    assert "no stream" in caplog.text
    assert "secret" not in caplog.text


WRONG_SERVERS = {
    "a page": answer(404, b"<h1>Not Found</h1>", "content-type: text/html"),
    "nothing": answer(404, b""),
    "another api": answer(404, b'{"detail":"Not Found"}', "content-type: application/json"),
    "another api's problem": answer(404, b'{"type":"about:blank","detail":"Not Found"}'),
    "JSON": answer(200, b"{}", "content-type: application/json"),
}


@pytest.mark.parametrize("name", WRONG_SERVERS)
def test_server_that_is_no_api_is_told_as_such(name: str) -> None:
    with CannedApi(WRONG_SERVERS[name]) as api, pytest.raises(Refused) as caught:
        next(iter(watch(api.url, SYMBOL)))
    assert not isinstance(caught.value, UnknownSymbol)
    assert str(caught.value).startswith(f"{api.url} answers ")
    assert "it is no kraken-book api" in str(caught.value)


def test_symbol_that_kraken_refuses_is_an_error_in_krakens_words() -> None:
    words = {"type": "urn:kraken-book:refused-symbol", "detail": "Kraken says: not supported"}
    refusal = answer(404, msgspec.json.encode(words), "content-type: application/problem+json")
    with CannedApi(refusal) as api, pytest.raises(Refused, match="Kraken says") as caught:
        next(iter(watch(api.url, SYMBOL)))
    assert not isinstance(caught.value, UnknownSymbol)


def test_symbol_that_an_api_no_longer_knows_is_an_error_also_after_it_was_served(
    caplog: pytest.LogCaptureFixture,
) -> None:
    gone = problem(404, "no symbol", ["ETH/USD"], kind="urn:kraken-book:unknown-symbol")
    with CannedApi(stream(told(snapshot(3))), gone) as api:
        books = watch(api.url, SYMBOL)
        with pytest.raises(UnknownSymbol, match="no symbol") as caught:
            list(books)
    book = books.books[SYMBOL]
    assert (book.status, book.reason) == ("stale", "disconnected")
    assert caught.value.symbols == ["ETH/USD"]
    assert books.outage == "404, no symbol"


def test_stream_that_opens_without_a_book_is_followed() -> None:
    no_book = b'{"kind":"status","symbol":"BTC/USD","seq":null,"epoch":null,"status":"syncing",'
    no_book += b'"reason":"redis","at":"now"}'
    opening = stream(b"data: " + no_book + b"\n\n", told(snapshot(3)), HOLD)
    with CannedApi(opening) as api:
        assert until(api, live_at(3)) == ["syncing redis", "live 3"]


def test_id_that_no_header_can_hold_is_not_sent_back() -> None:
    hostile = told(snapshot(3)).replace(b"id: 1000-3", b"id: \xff\x1b" + b"x" * 200)
    with CannedApi(stream(hostile), stream(told(snapshot(9)), HOLD)) as api:
        until(api, live_at(9))
    assert "last-event-id" not in api.requests[1].headers


def test_outage_that_lasts_is_logged_again_and_its_end(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    caplog.set_level(logging.INFO, "kraken_book.client")
    now = [0.0]
    monkeypatch.setattr(session, "monotonic", lambda: now[0])
    reader = ClientSession([SYMBOL], "http://here")
    for _ in range(61):
        list(reader.end("connection refused"))
        now[0] += 1.0
    list(reader.answered(200, {"content-type": "text/event-stream"}))
    first, second, third, last = caplog.messages
    assert first.startswith("http://here: no stream: connection refused; trying again for ever")
    assert "`make run`" in first
    assert second.startswith("http://here: no stream for 30 s: connection refused")
    assert third.startswith("http://here: no stream for 60 s")
    assert last == "http://here: the stream is there"
