"""`python -m lab.cramped_collector`: a collector with short event queues.

The environment variable `CRAMPED_EVENTS` sets the most events of a queue.
"""

from __future__ import annotations

import os

from collector.program import main
from collector.publish.event_queue import QueueLimit

MAX_WAITING = 20

if __name__ == "__main__":
    limit = int(os.environ.get("CRAMPED_EVENTS", MAX_WAITING))
    main(QueueLimit(each=limit, together=limit))
