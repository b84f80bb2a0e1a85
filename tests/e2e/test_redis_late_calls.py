"""A call that reaches Redis after later calls."""

from __future__ import annotations

from lab.proxy_faults import KeepRequest
from lab.stage import Stage
from lab.waiting import DEADLINE
from tests.e2e.redis_scene import open_scene

# The beginning of a command that writes only a book; its events are already written.
BOOK_ALONE = b"$5\r\nrenew\r\n"


def test_late_book_write_does_not_replace_newer_book(stage: Stage) -> None:
    scene = open_scene(stage, rate=90, depth=100)
    late = KeepRequest(BOOK_ALONE)
    with scene.to_collector.goes_wrong(late):
        assert late.is_kept.wait(DEADLINE), "no book was written alone"
        # The collector repeated the call and made others after it.
        scene.flow()
        scene.stand_still()
        late.let_it_come(scene.to_collector)
    scene.assert_every_event_once()
