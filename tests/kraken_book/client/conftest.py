"""Fixtures of the client's tests."""

from __future__ import annotations

import gc
import warnings

import pytest


@pytest.fixture
def no_garbage_of_other_tests() -> None:
    """Collect what earlier tests left, so that its warnings are no errors of this test."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        gc.collect()
