"""A call that reaches Redis after others that were made later."""

from __future__ import annotations

from lab.proxy_faults import KeepRequest
from lab.stage import Stage
from lab.waiting import DEADLINE
from tests.e2e.redis_scene import open_scene

# How a call begins its part that is a book alone, whose events were written before.
BOOK_ALONE = b"$5\r\nrenew\r\n"


def test_late_book_write_does_not_replace_newer_book(stage: Stage) -> None:
    scene = open_scene(stage, rate=90, depth=100)
    late = KeepRequest(BOOK_ALONE)
    with scene.to_collector.goes_wrong(late):
        assert late.is_kept.wait(DEADLINE), "no book was written alone"
        # Made again meanwhile, and others after it.
        scene.flow()
        scene.stand_still()
        late.let_it_come(scene.to_collector)
    scene.assert_every_event_once()
