"""The tuned garbage collector."""

from __future__ import annotations

import gc

from runtime.memory import tune_gc


def test_tune_gc_freezes_existing_objects() -> None:
    thresholds = gc.get_threshold()
    try:
        tune_gc()
        assert gc.get_freeze_count() > 10_000
        assert gc.isenabled()
    finally:
        gc.unfreeze()
        gc.set_threshold(*thresholds)
