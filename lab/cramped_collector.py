"""`python -m lab.cramped_collector`: a collector with short event queues."""

from __future__ import annotations

from collector.program import main
from collector.publish.event_queue import QueueLimit

MAX_WAITING = 20

if __name__ == "__main__":
    main(QueueLimit(each=MAX_WAITING, together=MAX_WAITING))
