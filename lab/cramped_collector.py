"""`python -m lab.cramped_collector`: a collector whose event queues are short."""

from __future__ import annotations

import collector.publish.outbox
from collector.program import main

MOST_WAITING = 20

if __name__ == "__main__":
    collector.publish.outbox.MOST_WAITING = MOST_WAITING
    collector.publish.outbox.MOST_WAITING_TOGETHER = MOST_WAITING
    main()
