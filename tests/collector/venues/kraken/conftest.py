"""A session with live books, and the path that a test runs on."""

from __future__ import annotations

import pytest

from collector.feed.hot_path import PURE, HotPath, compiled_path
from tests.collector.venues.kraken.kraken_side import BTC, ETH, Conversation


@pytest.fixture
def compiled() -> HotPath:
    """Return the compiled path; skip if it is not built."""
    pytest.importorskip("kraken_book._speedups", reason="not built", exc_type=ImportError)
    return compiled_path()


@pytest.fixture(params=["pure", "compiled"])
def hot_path(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> HotPath:
    """Run a test on both paths: return the path of its conversations."""
    path = PURE if request.param == "pure" else request.getfixturevalue("compiled")
    assert isinstance(path, HotPath)
    monkeypatch.setattr(Conversation, "path", path)
    return path


@pytest.fixture
def live(hot_path: HotPath) -> Conversation:
    """Return a conversation with two live symbols."""
    conversation = Conversation(BTC, ETH)
    conversation.go_live()
    return conversation
