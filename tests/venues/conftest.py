"""Fixtures of the conformance suite, which runs each test against every venue."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest

from collector.feed.lag import Watchdog
from lab.fork_server import ForkServer
from lab.stage import Stage
from tests.venues.under_test import VENUES, VenueUnderTest

SILENCE_TIMEOUT = 2.5


@pytest.fixture
def stage(tmp_path: Path, fork_server: ForkServer) -> Iterator[Stage]:
    """Return the stage of one test."""
    with Stage(tmp_path, fork_server) as opened:
        yield opened


@pytest.fixture(params=VENUES, ids=lambda venue: venue.name)
def venue(request: pytest.FixtureRequest) -> VenueUnderTest:
    """Return each venue in turn."""
    found: VenueUnderTest = request.param
    return found


@pytest.fixture(autouse=True)
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Shorten the timeouts for which tests wait."""
    impatient = partial(Watchdog, SILENCE_TIMEOUT)
    monkeypatch.setattr("collector.venues.connection.Watchdog", lambda _silence: impatient())
    monkeypatch.setattr("collector.venues.sequenced.listing.INTERVAL", 0.6)
    monkeypatch.setattr("collector.venues.sequenced.listing.MIN_INTERVAL", 0.3)
    monkeypatch.setattr("collector.venues.connection.TICK_INTERVAL", 0.1)
    monkeypatch.setattr("collector.venues.subscription.ANSWER_TIMEOUT", 2.0)
    monkeypatch.setattr("collector.venues.subscription.REFUSED_RETRY_DELAY", 1.0)
    monkeypatch.setattr("collector.venues.sequenced.requests.RATE_PAUSE", 1.0)
    monkeypatch.setattr("collector.venues.kraken.requests.RATE_PAUSE", 1.0)
