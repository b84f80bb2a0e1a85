"""`python -m lab.cramped_collector`: a collector in which few events have room to wait."""

from __future__ import annotations

import collector.publish.event_queue
from collector.program import main

MOST_WAITING = 20

if __name__ == "__main__":
    collector.publish.event_queue.MAX_EVENTS = MOST_WAITING
    collector.publish.event_queue.MAX_EVENTS_TOGETHER = MOST_WAITING
    main()
