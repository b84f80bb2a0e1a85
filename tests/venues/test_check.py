"""`kraken-book check VENUE` reports whether the feed of a venue works."""

from __future__ import annotations

import pytest

from lab.ports import free_port
from lab.process import Process
from lab.stage import Stage
from tests.venues.under_test import VenueUnderTest

pytestmark = pytest.mark.process

SHORT = ("--seconds", "2", "--wait", "15")


def check(stage: Stage, venue: VenueUnderTest, url: str, rest_url: str) -> Process:
    prefix = venue.name.upper()
    settings = {f"{prefix}_URL": url, f"{prefix}_SYMBOLS": ",".join(venue.pairs)}
    if rest_url:
        settings[f"{prefix}_REST_URL"] = rest_url
    return stage.program("kraken_book", "check", venue.name, *SHORT, **settings)


def test_check_of_a_working_venue_exits_with_0(stage: Stage, venue: VenueUnderTest) -> None:
    simulator = stage.simulator("--venue", venue.name, "--rate", "100", "--log-level", "warning")
    checked = check(stage, venue, simulator.url, simulator.rest_url)
    assert checked.wait_for_end() == 0, checked.log
    assert "3 of 3 live" in checked.log
    assert checked.log.rstrip().endswith("verdict: ok")
    compared = f"{venue.pairs[0]}: 20 of 20 levels equal" if venue.gives_books else "not compared: "
    assert compared in checked.log


def test_check_of_a_venue_with_wrong_books_exits_with_1(
    stage: Stage, venue: VenueUnderTest
) -> None:
    faulty = venue.pairs[0]
    simulator = stage.simulator(
        *("--venue", venue.name, "--rate", "300", "--log-level", "warning"),
        # So many that some come after the book is live.
        *(("--fault", f"crossed?symbol={faulty}") * 60),
    )
    checked = check(stage, venue, simulator.url, simulator.rest_url)
    assert checked.wait_for_end() == 1, checked.log
    assert "WRONG" in checked.log


def test_check_of_an_address_without_a_venue_exits_with_1(
    stage: Stage,
) -> None:
    url = f"127.0.0.1:{free_port()}"
    checked = stage.program(
        *("kraken_book", "check", "kraken", "--seconds", "1", "--wait", "1"),
        KRAKEN_URL=f"ws://{url}/v2",
    )
    assert checked.wait_for_end() == 1
    assert "unreachable" in checked.log
