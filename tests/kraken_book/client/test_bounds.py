"""Answers that are too long or too slow are abandoned, and the watch connects again."""

from __future__ import annotations

import asyncio
import gzip
from collections.abc import Callable, Iterable
from itertools import chain, repeat

import pytest

from kraken_book import FrozenBook, Refused, Watch
from kraken_book.client.patience import Patience
from lab.canned_api import HOLD, Answer, CannedApi, answer, dribbled, sse_events, stream
from lab.ports import InvalidPort
from lab.written_books import SYMBOL, snapshot

MEBI = 1 << 20
LITTLE = 16 * MEBI
PATIENCE = Patience(connect=2.0, answer=1.0, silence=2.0, refusal=0.5, max_pause=0.0)


def first_live_blocking(url: str) -> tuple[FrozenBook, list[str | None]]:
    books, outages = Watch(url, (SYMBOL,), patience=PATIENCE), list[str | None]()
    for book in books:
        if book.is_live and book.seq == 9:
            return book.freeze(), outages
        outages.append(books.outage)
    raise AssertionError


def first_live_async(url: str) -> tuple[FrozenBook, list[str | None]]:
    async def follow() -> tuple[FrozenBook, list[str | None]]:
        books, outages = Watch(url, (SYMBOL,), patience=PATIENCE), list[str | None]()
        async for book in books:
            if book.is_live and book.seq == 9:
                return book.freeze(), outages
            outages.append(books.outage)
        raise AssertionError

    return asyncio.run(follow())


Reader = Callable[[str], tuple[FrozenBook, list[str | None]]]
both = pytest.mark.parametrize("read", [first_live_blocking, first_live_async])
GOOD = stream(sse_events(snapshot(9)), HOLD)


def moved(location: str, body: Iterable[bytes] = ()) -> Answer:
    head = f"HTTP/1.1 307 So\r\nlocation: {location}\r\n\r\n".encode()
    return chain([head], body)


@both
@pytest.mark.parametrize("kind", ["endless", "trickling", "silent"])
def test_body_of_a_redirect_is_not_read(read: Reader, kind: str) -> None:
    bodies: dict[str, Iterable[bytes]] = {
        "endless": repeat(b"x" * 65536),
        "trickling": dribbled([b"x"]),
        "silent": [HOLD],
    }
    with CannedApi(moved("/stream/there", bodies[kind]), GOOD) as api:
        assert read(api.url)[0].is_live
        assert api.bytes_sent < LITTLE
        assert api.requests[1].target == "/stream/there"


@both
@pytest.mark.parametrize("head", [b"H", b"HTTP/1.1 200 OK\r\nx: ", b"HTTP/1.1 100 So\r\n\r\n"])
def test_endless_head_is_abandoned(
    read: Reader, head: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    again = head if b"100" in head else b"x"
    with CannedApi(dribbled([head, again]), GOOD) as api:
        assert read(api.url)[0].is_live
    assert "no answer within 1 s" in caplog.text or head == b"H"


@both
def test_server_that_does_not_answer_is_abandoned_and_logged(
    read: Reader, caplog: pytest.LogCaptureFixture
) -> None:
    with CannedApi([HOLD], GOOD) as api:
        assert read(api.url)[0].is_live
        assert f"{api.url}: no stream: no answer within 1 s" in caplog.text


@both
def test_trickling_body_of_a_refusal_is_abandoned(read: Reader) -> None:
    refusal = dribbled([b"HTTP/1.1 503 So\r\n\r\n", b"x"])
    with CannedApi(refusal, GOOD) as api:
        assert read(api.url)[0].is_live
        assert api.bytes_sent < 1000


@both
def test_stream_without_a_whole_message_is_abandoned_as_an_outage(read: Reader) -> None:
    begun = stream(sse_events(snapshot(3)), b"data: ")
    with CannedApi(dribbled(chain(begun, [b"x"])), GOOD) as api:
        _, outages = read(api.url)
    assert "no whole message within 2 s" in outages


@both
def test_circular_redirects_are_an_outage(read: Reader) -> None:
    with CannedApi(*[moved("/a", [HOLD])] * 6, GOOD) as api:
        assert read(api.url)[0].is_live
        assert len(api.requests) == 7


@both
@pytest.mark.parametrize(
    "location",
    [f"http://{'x' * 80}.invalid/", "ftp://x/", "http://[::1", "//", "http://127.0.0.1:0/"],
)
def test_redirect_to_an_impossible_address_is_an_outage(read: Reader, location: str) -> None:
    with CannedApi(moved(location), GOOD) as api:
        assert read(api.url)[0].is_live


@both
def test_redirect_to_an_invalid_port_reaches_no_other_port(
    read: Reader, caplog: pytest.LogCaptureFixture
) -> None:
    with InvalidPort() as port:
        with CannedApi(moved(f"http://127.0.0.1:{port.number}/"), GOOD) as api:
            assert read(api.url)[0].is_live
        assert f"a redirect leads to port {port.number}; ports are 1 to 65535" in caplog.text
        assert not port.was_reached


@both
def test_key_is_not_sent_to_the_target_of_a_redirect(read: Reader) -> None:
    with CannedApi(GOOD) as there, CannedApi(moved(f"{there.url}/stream/x")) as api:
        for book in Watch(api.url, (SYMBOL,), "secret"):
            assert book.is_live
            break
        assert "authorization" in api.requests[0].headers
        assert "authorization" not in there.requests[0].headers


@both
def test_compressed_stream_is_refused(read: Reader) -> None:
    packed = gzip.compress(b"data: " + b"0" * (20 * MEBI) + b"\n\n")
    kinds = ("content-type: text/event-stream", "content-encoding: gzip")
    with (
        CannedApi(answer(200, packed, *kinds)) as api,
        pytest.raises(Refused, match="compressed by gzip"),
    ):
        read(api.url)
