"""`python -m lab.cramped_collector`: a collector with short event queues."""

from __future__ import annotations

import collector.publish.event_queue
from collector.program import main

MAX_WAITING = 20

if __name__ == "__main__":
    collector.publish.event_queue.MAX_EVENTS = MAX_WAITING
    collector.publish.event_queue.MAX_EVENTS_TOGETHER = MAX_WAITING
    main()
