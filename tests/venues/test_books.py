"""Books join, are correct after every event, and are never wrong while they are live."""

from __future__ import annotations

import pytest

from lab.stage import Stage
from tests.venues.followed import FollowedFeed, followed
from tests.venues.under_test import VenueUnderTest

pytestmark = pytest.mark.process


async def until_joined(feed: FollowedFeed) -> None:
    await feed.until_live()
    await feed.until_moved(feed.venue.pairs[0])


async def test_books_join_and_stay_equal_to_the_market(stage: Stage, venue: VenueUnderTest) -> None:
    async with followed(stage, venue) as feed:
        await feed.until_live()
        for symbol in venue.pairs:
            await feed.until_moved(symbol, 25)
            assert feed[symbol].snapshots == 1
        await feed.until_equal()
        assert {reader.book.resyncs for reader in feed.readers.values()} == {0}


async def test_lost_update_is_doubted_and_repaired_by_one_snapshot(
    stage: Stage, venue: VenueUnderTest
) -> None:
    async with followed(stage, venue) as feed:
        await until_joined(feed)
        faulty, other, _ = venue.pairs
        fault = venue.fault("gap", f"swallow?symbol={faulty}")
        known = len(feed[faulty].statuses)
        await feed.inject(fault.format(symbol=faulty))
        assert await feed.until_doubted(faulty, known) in venue.gap_reasons
        await feed.until_live()
        await feed.until_equal()
        # A resync causes no other resync.
        assert feed[faulty].snapshots == 2
        assert feed[other].snapshots == (2 if venue.gap_is_of_connection else 1)


async def test_faulty_updates_never_make_a_live_book_wrong(
    stage: Stage, venue: VenueUnderTest
) -> None:
    async with followed(stage, venue) as feed:
        await until_joined(feed)
        for kind, faulty in zip(("repeat", "reorder", "cut"), venue.pairs, strict=True):
            await feed.inject(f"{kind}?symbol={faulty}")
        await feed.inject(f"level?symbol={venue.pairs[0]}")
        for symbol in venue.pairs:
            await feed.until_moved(symbol, 12)
        await feed.until_live()
        await feed.until_equal()


async def test_crossed_book_is_not_live(stage: Stage, venue: VenueUnderTest) -> None:
    async with followed(stage, venue) as feed:
        await until_joined(feed)
        faulty = venue.pairs[0]
        known = len(feed[faulty].statuses)
        await feed.inject(f"crossed?symbol={faulty}")
        assert await feed.until_doubted(faulty, known) in {"crossed", "checksum"}
        await feed.until_equal()


async def test_changed_precision_resyncs_book_with_that_reason(
    stage: Stage, venue: VenueUnderTest
) -> None:
    if not (fault := venue.fault("precision", "precision?symbol={symbol}&price=5&qty=8")):
        pytest.skip("the venue has no precision of pairs")
    async with followed(stage, venue) as feed:
        await until_joined(feed)
        faulty = venue.pairs[0]
        known = len(feed[faulty].statuses)
        await feed.inject(fault.format(symbol=faulty))
        # A simulator may restart the numbers of the pair's changes.
        assert await feed.until_doubted(faulty, known) in {"precision", *venue.gap_reasons}
        await feed.until_live()
        precision = feed[faulty].book.precision
        assert precision is not None
        assert precision.price == 5
        await feed.until_equal()


async def test_fault_of_one_pair_does_not_disturb_the_others(
    stage: Stage, venue: VenueUnderTest
) -> None:
    async with followed(stage, venue) as feed:
        await until_joined(feed)
        faulty, *others = venue.pairs
        await feed.inject(f"crossed?symbol={faulty}")
        await feed.until(lambda: feed[faulty].snapshots == 2, "the faulty book is live again")
        for symbol in others:
            assert feed[symbol].snapshots == 1
            await feed.until_moved(symbol)
