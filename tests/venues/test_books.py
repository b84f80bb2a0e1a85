"""Promises about books: joined, right after every event, and never wrong while live."""

from __future__ import annotations

import pytest

from lab.stage import Stage
from tests.venues.followed import FollowedFeed, followed
from tests.venues.under_test import VenueUnderTest

pytestmark = pytest.mark.process


async def joined(feed: FollowedFeed) -> None:
    await feed.until_live()
    await feed.until_moved(feed.venue.pairs[0])


async def test_books_are_joined_and_stay_the_markets(stage: Stage, venue: VenueUnderTest) -> None:
    async with followed(stage, venue) as feed:
        await feed.until_live()
        for symbol in venue.pairs:
            await feed.until_moved(symbol, 25)
            assert feed[symbol].snapshots == 1
        await feed.until_right()
        assert {reader.book.resyncs for reader in feed.readers.values()} == {0}


async def test_lost_update_ends_the_book_and_one_snapshot_repairs_it(
    stage: Stage, venue: VenueUnderTest
) -> None:
    async with followed(stage, venue) as feed:
        await joined(feed)
        hit, other, _ = venue.pairs
        fault = venue.fault("gap", f"swallow?symbol={hit}")
        known = len(feed[hit].statuses)
        await feed.inject(fault.format(symbol=hit))
        assert await feed.until_doubted(hit, known) in venue.gap_reasons
        await feed.until_live()
        await feed.until_right()
        # A rebuild starts no other rebuild.
        assert feed[hit].snapshots == 2
        assert feed[other].snapshots == (2 if venue.gap_is_of_connection else 1)


async def test_faulty_updates_never_make_a_live_book_wrong(
    stage: Stage, venue: VenueUnderTest
) -> None:
    async with followed(stage, venue) as feed:
        await joined(feed)
        for kind, hit in zip(("repeat", "reorder", "cut"), venue.pairs, strict=True):
            await feed.inject(f"{kind}?symbol={hit}")
        await feed.inject(f"level?symbol={venue.pairs[0]}")
        for symbol in venue.pairs:
            await feed.until_moved(symbol, 12)
        await feed.until_live()
        await feed.until_right()


async def test_crossed_book_is_not_live(stage: Stage, venue: VenueUnderTest) -> None:
    async with followed(stage, venue) as feed:
        await joined(feed)
        hit = venue.pairs[0]
        known = len(feed[hit].statuses)
        await feed.inject(f"crossed?symbol={hit}")
        assert await feed.until_doubted(hit, known) in {"crossed", "checksum"}
        await feed.until_right()


async def test_change_of_precision_is_a_resync_with_that_reason(
    stage: Stage, venue: VenueUnderTest
) -> None:
    if not (fault := venue.fault("precision", "precision?symbol={symbol}&price=5&qty=8")):
        pytest.skip("the venue has no precision of pairs")
    async with followed(stage, venue) as feed:
        await joined(feed)
        hit = venue.pairs[0]
        known = len(feed[hit].statuses)
        await feed.inject(fault.format(symbol=hit))
        # The simulator of a venue may number the changes of the pair anew.
        assert await feed.until_doubted(hit, known) in {"precision", *venue.gap_reasons}
        await feed.until_live()
        precision = feed[hit].book.precision
        assert precision is not None
        assert precision.price == 5
        await feed.until_right()


async def test_fault_of_one_pair_does_not_disturb_the_others(
    stage: Stage, venue: VenueUnderTest
) -> None:
    async with followed(stage, venue) as feed:
        await joined(feed)
        hit, *others = venue.pairs
        await feed.inject(f"crossed?symbol={hit}")
        await feed.until(lambda: feed[hit].snapshots == 2, "the hit book is repaired")
        for symbol in others:
            assert feed[symbol].snapshots == 1
            await feed.until_moved(symbol)
