"""Pairs that are listed, delisted and refused."""

from __future__ import annotations

import pytest

from lab.stage import Stage
from tests.venues.followed import followed
from tests.venues.under_test import VenueUnderTest

pytestmark = pytest.mark.process


async def test_wildcard_follows_listed_pairs_and_drops_delisted_ones(
    stage: Stage, venue: VenueUnderTest
) -> None:
    faulty = venue.pairs[2]
    new = faulty.replace(faulty.partition("/")[0], "NEW")
    async with followed(stage, venue, "*") as feed:
        await feed.until_live()
        await feed.inject(f"list?symbol={new}")
        await feed.until(lambda: new in feed.readers, "the new pair is followed")
        await feed.until_live(new)
        await feed.inject(
            venue.fault("delist", "pair_status?symbol={symbol}&status=delisted").format(
                symbol=faulty
            )
        )
        await feed.until(lambda: faulty not in feed.readers, "the delisted pair is left")
        await feed.until_equal(venue.pairs[0], new)


async def test_unknown_pair_is_refused_and_the_others_are_followed(
    stage: Stage, venue: VenueUnderTest
) -> None:
    async with followed(stage, venue, f"{','.join(venue.pairs)},NOPE/XYZ") as feed:
        await feed.until_live()
        refused = feed["NOPE/XYZ"].book
        await feed.until(lambda: refused.status == "refused", "the pair is refused")
        assert refused.reason
        await feed.until_equal()


async def test_venue_has_its_proof(stage: Stage, venue: VenueUnderTest) -> None:
    async with followed(stage, venue) as feed:
        assert feed.opened.proof == venue.proof


@pytest.mark.parametrize(
    ("kind", "usual"),
    [
        ("slow_rest", "slow_rest?delay=1&seconds=3"),
        ("rest_error", "rest_error?seconds=1"),
        ("rest_limit", "rest_limit?seconds=1"),
    ],
)
async def test_rest_that_fails_for_a_while_delays_books_and_loses_none(
    stage: Stage, venue: VenueUnderTest, kind: str, usual: str
) -> None:
    if not (fault := venue.fault(kind, usual)):
        pytest.skip("the venue has no REST")
    async with followed(stage, venue) as feed:
        await feed.inject(fault)
        await feed.inject("drop")
        await feed.until_live()
        await feed.until_equal()
