"""A connection that ends is reported and reopened, and its books are correct again."""

from __future__ import annotations

import pytest

from lab.stage import Stage
from tests.venues.followed import followed
from tests.venues.under_test import VenueUnderTest

pytestmark = pytest.mark.process


@pytest.mark.parametrize("fault", ["drop", "accept_and_close?seconds=1"])
async def test_lost_connection_is_reported_and_reopened(
    stage: Stage, venue: VenueUnderTest, fault: str
) -> None:
    async with followed(stage, venue) as feed:
        await feed.until_live()
        faulty = venue.pairs[0]
        await feed.inject(fault)
        if fault.startswith("accept"):
            await feed.inject("drop")
        assert await feed.until_doubted(faulty) == "closed"
        await feed.until_live()
        await feed.until_equal()
        # The new connection brings one snapshot of each book.
        assert feed[faulty].snapshots == 2


async def test_silent_connection_is_reported_and_reopened(
    stage: Stage, venue: VenueUnderTest
) -> None:
    async with followed(stage, venue) as feed:
        await feed.until_live()
        await feed.inject("mute?seconds=4")
        assert await feed.until_doubted(venue.pairs[0]) == "silent"
        await feed.until_live()
        await feed.until_equal()


async def test_garbage_never_makes_a_live_book_wrong(stage: Stage, venue: VenueUnderTest) -> None:
    async with followed(stage, venue) as feed:
        for kind in ("json", "text", "binary"):
            await feed.until_live()
            await feed.inject(f"garbage?kind={kind}")
            await feed.until_moved(venue.pairs[0], 8)
        await feed.until_live()
        await feed.until_equal()


async def test_quiet_market_keeps_its_connection_and_its_books(
    stage: Stage, venue: VenueUnderTest
) -> None:
    async with followed(stage, venue) as feed:
        await feed.until_live()
        await feed.until_equal()
        confirmed = feed[venue.pairs[0]].book.confirmed_at.steady
        # Longer than the timeout of a silent connection.
        until = confirmed + 4_000_000_000
        book = feed[venue.pairs[0]].book
        await feed.until(lambda: book.confirmed_at.steady >= until, "frames confirm the book")
        assert feed[venue.pairs[0]].snapshots == 1


@pytest.mark.parametrize(
    "fault", ["rate_limit?seconds=1", "refuse_connections?seconds=1&status=429"]
)
async def test_refused_requests_and_handshakes_are_tried_again(
    stage: Stage, venue: VenueUnderTest, fault: str
) -> None:
    async with followed(stage, venue) as feed:
        await feed.until_live()
        await feed.inject(fault)
        await feed.inject("drop")
        await feed.until_doubted(venue.pairs[0])
        await feed.until_live()
        await feed.until_equal()


async def test_maintenance_ends_and_books_come_back(stage: Stage, venue: VenueUnderTest) -> None:
    if not (fault := venue.fault("maintenance", "maintenance?seconds=1.5")):
        pytest.skip("the simulator has another fault for it")
    async with followed(stage, venue) as feed:
        await feed.until_live()
        await feed.inject(fault)
        await feed.until_doubted(venue.pairs[0])
        await feed.until_live()
        await feed.until_equal()


async def test_unsubscribe_that_is_never_answered_reopens_the_connection(
    stage: Stage, venue: VenueUnderTest
) -> None:
    async with followed(stage, venue) as feed:
        await feed.until_live()
        faulty, other = venue.pairs[:2]
        await feed.inject("answer_never?method=unsubscribe&seconds=60")
        await feed.inject(f"crossed?symbol={faulty}")
        # Only a connection that ends makes the other book syncing.
        assert await feed.until_doubted(other) == "unanswered"
        await feed.until_live()
        await feed.until_equal()
