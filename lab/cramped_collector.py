"""`python -m lab.cramped_collector`: a collector whose event queues are short."""

from __future__ import annotations

import collector.publish.event_queue
from collector.program import main

MOST_WAITING = 20

if __name__ == "__main__":
    collector.publish.event_queue.MAX_EVENTS = MOST_WAITING
    collector.publish.event_queue.MAX_EVENTS_TOGETHER = MOST_WAITING
    main()
