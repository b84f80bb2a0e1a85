"""The page's modules that judge and describe a book, in Node."""

from __future__ import annotations

from typing import Any

from kraken_book.symbols import normalize_symbol
from tests.contract_reasons import contract_reasons
from tests.e2e.page_script import run


def test_page_and_api_normalize_symbols_alike() -> None:
    names = ["btc-usd", "BTC/USD", " xbt/usd ", "xdg-eur", "/BTC/USD/", "a/b/c", "", "-", "İ/ß"]
    names += [
        "binance:btc-usdt",
        "BINANCE:BTC/USDT",
        "/coinbase:xbt/usd",
        "kraken:xbt-usd",
        "a:b",
        ":",
    ]
    script = 'return given.map((await load("data/selection.js")).folded)'
    assert run(script, names) == [normalize_symbol(name.strip()) for name in names]


def status_texts(*facts: tuple[str, str | None]) -> list[str]:
    """Return the sentence for each pair of a status and its reason."""
    script = """
        const { statusText } = await load("parts/words.js")
        return given.map(([status, reason]) => statusText(status, reason))
    """
    found: list[str] = run(script, facts)
    return found


def test_each_contract_reason_becomes_a_sentence() -> None:
    reasons = [*contract_reasons(), "age"]
    texts = status_texts(*(("syncing", reason) for reason in reasons))
    assert len(reasons) > 10
    for reason, text in zip(reasons, texts, strict=True):
        assert text.endswith("."), reason
        assert text.count(" ") > 5, reason
        assert "The reason:" not in text, reason


UNKNOWN_REASONS = {
    ("syncing", "unheard of"): "The reason: “\u2068unheard of\u2069”.",
    ("syncing", None): "There is no verified book yet.",
    ("asked", None): "Kraken has not answered yet.",
    ("dreaming", None): "The status is “\u2068dreaming\u2069”.",
    ("refused", "Currency pair not supported A/B"): (
        "“\u2068Currency pair not supported A/B\u2069”"
    ),
    ("syncing", "a\u202eb\x1b[2Jc\nd\u2066\x00"): (
        "“\u2068a\ufffdb\ufffd[2Jc\ufffdd\ufffd\ufffd\u2069”"
    ),
    ("syncing", "x" * 10_000): "x" * 200 + "…\u2069",
    ("syncing", "toString"): "“\u2068toString\u2069”",
}


def test_unknown_reason_is_shown_without_control_characters() -> None:
    texts = status_texts(*UNKNOWN_REASONS)
    for expected, text in zip(UNKNOWN_REASONS.values(), texts, strict=True):
        assert expected in text


def test_fresh_stream_does_not_reset_shown_book() -> None:
    shown = run(
        """
        const { book, shown } = followed()
        const seen = []
        const see = () => seen.push(shown().join(" "))
        book.onOpen(1); see()
        for (const event of [snapshot(5), update(6), update(7)]) { book.onEvent(1, event); see() }
        book.onOpen(2); see()
        // The fresh stream begins before the place where the book is.
        const fresh = [snapshot(5), update(6), update(7), update(8)]
        for (const event of fresh) { book.onEvent(2, event); see() }
        book.onEvent(1, update(8)); see()
        return seen
        """,
    )
    assert shown == [
        *("syncing ", "live 5", "live 6", "live 7", "live 7"),
        *("live 7", "live 7", "live 7", "live 8", "live 8"),
    ]


def test_fresh_stream_replaces_lost_book_immediately() -> None:
    shown = run(
        """
        const { book, shown } = followed()
        book.onOpen(1)
        book.onEvent(1, snapshot(5))
        book.onOpen(2)
        book.onEvent(2, statusOf("stale", "age"))
        const before = shown()
        book.onEvent(2, snapshot(3, { checksum: 1 }))
        return [before, shown(), book.reader.book.bestBid]
        """,
    )
    assert shown == [["stale", None], ["syncing", 3], ["100.0", "3.00000000"]]


def test_wrong_checksum_requests_fresh_stream() -> None:
    shown = run(
        """
        const { book, feed } = followed()
        book.onOpen(1)
        book.onEvent(1, snapshot(5))
        book.onEvent(1, update(6, { checksum: 1 }))
        return [book.verdict.doubt, feed.asked, book.reader.counts.mismatches]
        """,
    )
    assert shown == ["mismatch", 1, 1]


def test_malformed_event_makes_book_untrusted() -> None:
    malformed: list[dict[str, Any]] = [
        {"bids": None},
        {"bids": 5},
        {"bids": [[1, 2]]},
        {"bids": [None]},
        {"asks": [["x", "1"]]},
    ]
    found = run(
        """
        return given.map((changes) => {
          const { book, feed, shown } = followed()
          book.onOpen(1)
          book.onEvent(1, snapshot(5))
          book.onEvent(1, update(6, changes))
          return [shown()[0], feed.asked]
        })
        """,
        malformed,
    )
    assert found == [["syncing", 1]] * len(malformed)


def test_stream_status_wins_over_earlier_poll() -> None:
    shown = run(
        """
        const { book, shown } = followed()
        book.onOpen(1)
        book.onEvent(1, snapshot(5))
        book.takePolled(polled({ status: "stale", seq: 5, age_ms: 11000 }, now() - 5))
        const before = [shown()[0], book.summary.status]
        await wait(20)
        book.onEvent(1, update(6))
        const after = [shown()[0], book.summary.status, book.summary.bid, book.age < 1000]
        await wait(20)
        book.takePolled(polled({ status: "syncing", reason: "silent", seq: 6 }))
        return [...before, ...after, shown()[0], book.summary.why]
        """,
    )
    assert shown[:6] == ["stale", "stale", "live", "live", "100.0", True]
    assert shown[6] == "syncing"
    assert "Kraken sent nothing for too long" in shown[7]


def test_age_counts_from_confirmation_of_shown_book() -> None:
    ages = run(
        """
        const { book } = followed({ age_ms: 700, seq: 5 })
        book.onOpen(1)
        book.onEvent(1, snapshot(5))
        const opened = book.age
        book.takePolled(polled({ age_ms: 300, seq: 9 }))
        // /books confirms a book that is newer than the one shown.
        const behind = book.age
        book.takePolled(polled({ age_ms: 400, seq: 5 }))
        const confirmed = book.age
        return [opened, behind, confirmed]
        """,
    )
    assert ages[0] >= 700
    assert ages[1] >= 700
    assert 400 <= ages[2] < 700


def test_missed_events_are_not_shown_as_live() -> None:
    shown = run(
        """
        const { book } = followed()
        book.onOpen(1)
        book.onEvent(1, snapshot(5))
        book.onInterrupted(1)
        const doubts = [book.verdict.doubt]
        book.takePolled(polled({ seq: 8 }))
        book.onResumed(1)
        for (const seq of [6, 7, 8]) {
          book.onEvent(1, update(seq))
          doubts.push(book.verdict.doubt)
        }
        return doubts
        """,
    )
    assert shown == ["interrupted", "resumed", "resumed", None]


def test_quiet_book_is_live_again_after_resume_when_books_confirms_it() -> None:
    shown = run(
        """
        const { book } = followed({ seq: 5 })
        book.onOpen(1)
        book.onEvent(1, snapshot(5))
        book.onInterrupted(1)
        book.onResumed(1)
        const doubts = [book.verdict.doubt]
        // Asked before the stream was resumed.
        book.takePolled(polled({ seq: 5 }, now() - 1000))
        doubts.push(book.verdict.doubt)
        await wait(5)
        book.takePolled(polled({ seq: 6 }))
        doubts.push(book.verdict.doubt)
        book.onEvent(1, update(6))
        doubts.push(book.verdict.doubt)
        book.onInterrupted(1)
        book.onResumed(1)
        await wait(5)
        book.takePolled(polled({ seq: 6 }))
        return [...doubts, book.verdict.doubt]
        """,
    )
    assert shown == ["resumed", "resumed", "resumed", None, None]


def test_stream_behind_books_is_reopened() -> None:
    shown = run(
        """
        const { book, feed } = followed()
        book.onOpen(1)
        book.onEvent(1, snapshot(5))
        book.takePolled(polled({ seq: 9 }))
        const before = feed.asked
        book.takePolled(polled({ seq: 12 }))
        return [before, feed.asked, book.verdict.doubt]
        """,
    )
    assert shown == [0, 1, "behind"]


def test_silent_stream_and_books_cause_doubt() -> None:
    shown = run(
        """
        const { judge } = await load("data/trust.js")
        const { book } = followed()
        book.onOpen(1)
        book.onEvent(1, snapshot(5))
        const facts = { connection: "open", polled: polled(), isPolledLater: true }
        return [9000, 11000].map((silence) => judge(book.reader, { ...facts, silence }))
        """,
    )
    assert shown[0] == {"status": "live", "doubt": None, "why": ""}
    assert shown[1]["status"] == "stale"
    assert "the server sends nothing" in shown[1]["why"]


def test_missing_book_is_explained_by_its_cause() -> None:
    shown = run(
        """
        const { judge } = await load("data/trust.js")
        const { book } = followed()
        book.onOpen(1)
        book.onEvent(1, statusOf("syncing", "no book yet"))
        const facts = { connection: "open", isPolledLater: true, silence: 0 }
        const reasons = [["asked", "unreachable"], ["asked", null], ["live", null]]
        return reasons.map(([status, reason]) =>
          judge(book.reader, { ...facts, polled: polled({ status, reason }) }))
        """,
    )
    assert [each["status"] for each in shown] == ["syncing"] * 3
    assert shown[0]["why"] == "Kraken cannot be reached. The collector keeps trying."
    assert shown[1]["why"] == shown[2]["why"]
    assert "There is no verified book yet." in shown[1]["why"]


def test_clock_counts_sleep_and_never_runs_back() -> None:
    found = run(
        """
        const wall = Date.now
        const before = now()
        Date.now = () => wall() + 60_000
        const slept = now()
        Date.now = () => wall() - 3_600_000
        const set_back = now()
        Date.now = wall
        return [slept - before, set_back - slept]
        """,
    )
    assert 59_000 < found[0] < 65_000
    assert 0 <= found[1] < 5000
