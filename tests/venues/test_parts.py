"""Each venue of the settings has all its parts; a failure names the places that lack them."""

from __future__ import annotations

import re

import pytest

from collector.settings import VENUES, CollectorSettings, usual_path
from collector.venues.choice import TRAITS, open_venue
from kraken_book.symbols import KRAKEN
from lab.process import ROOT
from simulator.protocols.kraken.protocol import SimulatedKraken
from simulator.protocols.pairs import MarketOptions
from simulator.protocols.registry import OTHER_VENUES, open_other_venue
from tests.collector.venues.sequenced.test_hostile_frames import FRAMES
from tests.venues import under_test

EACH = pytest.mark.parametrize("name", VENUES)
EACH_OTHER = pytest.mark.parametrize("name", [name for name in VENUES if name != KRAKEN])


def has_line(page: str, pattern: str) -> bool:
    text = (ROOT / "docs" / page).read_text()
    return re.search(pattern, text, re.MULTILINE | re.IGNORECASE) is not None


@EACH_OTHER
def test_places_of_a_venue_have_it(name: str) -> None:
    traits = TRAITS.get(name)
    places = {
        "collector/venues/choice.py": traits is not None,
        "simulator/protocols/registry.py": name in OTHER_VENUES,
        "tests/venues/under_test.py": name in {each.name for each in under_test.VENUES},
        "tests/collector/venues/sequenced/test_hostile_frames.py": (
            traits is not None and type(traits(10).make_protocol()) in FRAMES
        ),
        "docs/venues.md, What was proved": has_line("venues.md", rf"^\| {name}\b[^|]*\|"),
        "docs/simulator.md, a section": has_line("simulator.md", rf"^## {name}"),
    }
    missing = [place for place, has_it in places.items() if not has_it]
    assert not missing, f"{name} is missing in {'; '.join(missing)}"


@EACH
def test_collector_opens_the_venue_of_its_settings(name: str) -> None:
    opened = open_venue(CollectorSettings().of_venue(name))
    assert (opened.name, opened.source) == (name, name)


@EACH
def test_simulator_has_the_path_of_the_venue(name: str) -> None:
    simulated = SimulatedKraken if name == KRAKEN else open_other_venue(name, MarketOptions())
    assert simulated.path == usual_path(name)
