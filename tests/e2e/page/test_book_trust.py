"""What the view of one book says about its trust, in a real browser."""

from __future__ import annotations

import zlib
from functools import partial

import pytest

from lab.chromium import find_chromium
from lab.waiting import wait_until
from tests.e2e.book_page import BookPage, deep_market
from tests.e2e.readable import Theme, assert_readable
from tests.e2e.scripted_page import ScriptedPage
from tests.e2e.shown import Shown

pytestmark = pytest.mark.skipif(find_chromium() is None, reason="no chromium or chrome on the PATH")

SELECT = """(select, theme) => {
  select.value = theme
  select.dispatchEvent(new Event("change", { bubbles: true }))
}"""


def test_explanation_has_text_and_checksum_of_one_event(
    scripted: ScriptedPage, shown: Shown
) -> None:
    market = deep_market(scripted, "BTC/USD")
    book = BookPage(shown, scripted.url, "BTC/USD")
    book.wait_for(status="live")
    book.wait_for_fact("verified", "1 event")
    for number in range(3):
        scripted.do(partial(market.update, bids=[("99.9", f"{number + 7}.00000001")]))
    book.wait_for_fact("verified", "4 events")
    page = book.page
    page.get_by_role("button", name="How is it proved?").click()

    def shown_check() -> tuple[str, str, str]:
        text, computed, received = (
            page.locator(f".explanation [data-part='{name}']").inner_text()
            for name in ("text", "computed", "received")
        )
        return text, computed, received

    text, computed, received = shown_check()
    assert str(zlib.crc32(text.encode())) == computed == received
    assert received == str(scripted.do(market.book.checksum))
    assert "seq 4 of epoch 1785638131660" in shown.text(".explanation [data-part='event']")
    assert shown.text(".explanation [data-part='result']") == "✓ equal"
    assert "4 events" in shown.text(".explanation [data-part='count']")
    assert "the checksum above is Kraken's" in shown.text(".explanation [data-part='collector']")
    assert f'b"{text}"' in shown.text(".explanation [data-part='command']")
    page.get_by_text("The levels behind the text").click()
    digits = page.locator(".explanation tbody td:last-child").all_inner_texts()
    assert len(digits) == 20
    assert "".join(digits) == text

    # It rests, until the newest comparison is asked for.
    scripted.do(lambda: market.update(asks=[("100.1", "0.00000000")]))
    book.wait_for_fact("verified", "5 events")
    assert shown_check() == (text, computed, received)
    page.get_by_role("button", name="Show the newest check").click()
    newer, computed, received = shown_check()
    assert newer != text
    assert str(zlib.crc32(newer.encode())) == computed == received
    assert "seq 5 " in shown.text(".explanation [data-part='event']")
    page.get_by_role("button", name="Copy the command").click()
    wait_until(lambda: shown.text(".explanation [data-part='copied']") != "", "it is copied")
    book.press("e")

    # A wrong checksum is shown as such, and the page loads the book again.
    scripted.do(lambda: setattr(scripted.api, "has_streams", False))
    scripted.do(lambda: market.update(bids=[("99.8", "1.00000000")], is_lie=True))
    book.wait_for(doubt="mismatch")
    assert book.fact("mismatches") == "1"
    book.press("e")
    text, computed, received = shown_check()
    assert str(zlib.crc32(text.encode())) == computed != received
    assert shown.text(".explanation [data-part='result']") == "✕ different"
    book.press("e")
    scripted.do(lambda: setattr(scripted.api, "has_streams", True))
    book.wait_for(status="live")
    assert shown.errors == []


def test_facts_tell_every_event_that_matters(scripted: ScriptedPage, shown: Shown) -> None:
    market = deep_market(scripted, "BTC/USD")
    book = BookPage(shown, scripted.url, "BTC/USD")
    book.wait_for(status="live")
    wait_until(lambda: book.part("news") == "BTC/USD is live and verified.", "it is announced")
    news = """() => { window.news = []
        const part = document.querySelector(".book [data-part='news']")
        new MutationObserver(() => window.news.push(part.textContent))
          .observe(part, { childList: true, characterData: true, subtree: true }) }"""
    book.page.evaluate(news)
    scripted.do(lambda: market.update(bids=[("99.9", "2.00000000")]))
    scripted.do(lambda: market.send_snapshot(3))
    book.wait_for_fact("conflated", "3")
    assert book.fact("seq") == str(market.seq)
    assert book.fact("epoch") == "1785638131660"
    assert book.fact("proof") == "venue's checksum"
    assert book.fact("stream") == "open"
    assert book.fact("source") == "Kraken"
    # Screen readers hear nothing of what changes prices.
    assert book.page.evaluate("window.news") == []

    scripted.do(lambda: market.lag(12))
    book.wait_for_fact("lagged", "1 (12 missed)")
    scripted.do(market.send_snapshot)
    book.wait_for(status="live")
    scripted.do(lambda: market.status("stale", "age", by_api=True))
    book.wait_for(status="stale")
    assert "was not confirmed for too long" in book.part("doubt")
    assert book.fact("status") == "stale"
    wait_until(lambda: "is stale." in book.part("news"), "the status is announced")
    scripted.do(market.send_snapshot)
    book.wait_for(status="live")

    # The api restarts: the stream is resumed, or begins again.
    scripted.await_(scripted.api.stop)
    book.wait_for(doubt="interrupted")
    assert book.fact("stream") == "interrupted, reconnecting"
    shown.wait_for_text("#outage", "The server cannot be reached.")
    scripted.await_(scripted.api.start)
    book.wait_for(status="live")
    assert book.fact("resumed") == "1"
    assert book.fact("mismatches") == "0"
    assert shown.errors == []


@pytest.mark.parametrize(
    ("source", "words", "banner"),
    [
        ("simulated", "simulated, not Kraken", "SIMULATED MARKETS"),
        ("replay", "replay of a recording", "REPLAY OF A RECORDING"),
    ],
)
def test_book_that_is_not_live_says_so(
    scripted: ScriptedPage, shown: Shown, source: str, words: str, banner: str
) -> None:
    deep_market(scripted, "BTC/USD", source)
    book = BookPage(shown, scripted.url, "BTC/USD")
    book.wait_for(status="live", source=source)
    assert book.fact("source") == words
    assert book.part("source") == source
    shown.wait_for_text("#not-live", banner)
    book.press("e")
    assert source.removesuffix("d") in shown.text(".explanation [data-part='source']")


def test_no_view_violates_a_rule_of_axe(scripted: ScriptedPage, shown: Shown) -> None:
    market = deep_market(scripted, "BTC/USD")
    deep_market(scripted, "ETH/USD", "simulated")
    page = shown.page

    def switch(theme: Theme) -> None:
        # The other way round than the system's, so that the switch is what decides.
        page.emulate_media(color_scheme="dark" if theme == "light" else "light")
        # By its event, because an open dialog covers the switch.
        page.locator("#theme").evaluate(SELECT, theme)

    page.emulate_media(reduced_motion="reduce")
    book = BookPage(shown, scripted.url, "BTC/USD")
    book.wait_for(status="live")
    page.get_by_role("combobox", name="Group").select_option("5")
    assert_readable(shown, switch)
    for key in ("e", "?"):
        book.press(key)
        page.get_by_role("dialog").wait_for()
        assert_readable(shown, switch)
        book.press("Escape")
    scripted.do(lambda: market.status("stale", "age", by_api=True))
    book.wait_for(status="stale")
    assert_readable(shown, switch)
    page.goto(f"{scripted.url}#/FOO/BAR")
    shown.wait_for_text("main", "There is no book")
    page.goto(f"{scripted.url}#")
    shown.wait_for("ETH/USD", status="live")
    assert_readable(shown, switch)
    assert not page.evaluate("document.getAnimations().length")
    assert shown.errors == []
