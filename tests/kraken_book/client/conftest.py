"""Fixtures of the client's tests."""

from __future__ import annotations

import gc
import warnings

import pytest

from tests.kraken_book.client.clock import Clock


@pytest.fixture
def no_garbage_of_other_tests() -> None:
    """Collect the garbage of earlier tests, so that its warnings are not errors of this test."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        gc.collect()


@pytest.fixture
def clock() -> Clock:
    return Clock()
