"""Files, classes and fields that docs/adding-a-venue.md names are there."""

from __future__ import annotations

import re

from collector.venues.sequenced.protocol import BookMessage, RequestRefused, VenueTraits
from lab.process import ROOT
from tests.docs.markdown import DOCS

PAGE = (DOCS / "adding-a-venue.md").read_text()
# Classes of others.
OTHERS = {"Decimal"}


def test_files_that_the_page_names_exist() -> None:
    named = set(re.findall(r"`((?:[\w-]+/)+[\w-]+\.(?:py|md))`", PAGE))
    assert len(named) >= 8
    assert {path for path in named if not (ROOT / path).exists()} == set()


def test_classes_that_the_page_names_exist() -> None:
    words = re.findall(r"`([A-Z]\w*[a-z]\w*)(?:\.\w+)?`", PAGE)
    named = {word for word in words if "Toy" not in word} - OTHERS
    places = ("collector", "simulator", "tests/collector")
    texts = [path.read_text() for place in places for path in (ROOT / place).rglob("*.py")]
    there = {name for text in texts for name in re.findall(r"^class (\w+)", text, re.MULTILINE)}
    assert len(named) >= 20
    assert named - there == set()


def test_fields_that_the_page_names_exist() -> None:
    there = {
        *VenueTraits._fields,
        *BookMessage.__struct_fields__,
        *RequestRefused._fields,
    }
    named = {
        *re.findall(r"`(?:VenueTraits|BookMessage)\.(\w+)`", PAGE),
        *("connects", "requests_per_second", "weight_per_minute", "pairs_weight", "max_together"),
        *("precision_of", "proof", "last", "is_rate_limited"),
    }
    assert len(named) >= 12
    assert {name for name in named if f"{name}`" not in PAGE or name not in there} == set()
