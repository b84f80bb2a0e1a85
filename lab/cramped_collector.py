"""`python -m lab.cramped_collector`: a collector with short event queues.

The environment variable `CRAMPED_EVENTS` sets the most events of a queue.
"""

from __future__ import annotations

import os

from collector.program import main
from collector.publish.event_queue import QueueLimit
from runtime.command_line import STOPPED_OR_FAILED, OneLineParser

MAX_WAITING = 20

if __name__ == "__main__":
    OneLineParser(
        "python -m lab.cramped_collector",
        "Runs the collector with short event queues. The collector's own variables apply too.",
        STOPPED_OR_FAILED,
        {f"CRAMPED_EVENTS ({MAX_WAITING})": "the most events of a queue"},
    ).parse_args()
    limit = int(os.environ.get("CRAMPED_EVENTS", MAX_WAITING))
    main(QueueLimit(each=limit, together=limit))
