"""A session with live books."""

from __future__ import annotations

import pytest

from tests.collector.venues.kraken.kraken_side import BTC, ETH, Conversation


@pytest.fixture
def live() -> Conversation:
    """Return a conversation with two live symbols."""
    conversation = Conversation(BTC, ETH)
    conversation.go_live()
    return conversation
