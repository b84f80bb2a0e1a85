"""`python -m lab.patient_api`: an api that counts in Redis although the machine is busy.

The api counts alone if Redis does not answer within 80 ms. Tests of shared limits must not depend
on that.
"""

from __future__ import annotations

from functools import partial

from api.access import limiter
from api.app import main
from runtime.command_line import STOPPED_OR_FAILED, OneLineParser

DEADLINE = 1.5

if __name__ == "__main__":
    OneLineParser(
        "python -m lab.patient_api",
        f"Runs the api, whose limits wait {DEADLINE} s for Redis. The settings are those of the"
        " api.",
        STOPPED_OR_FAILED,
    ).parse_args()
    limiter.Limiter = partial(limiter.Limiter, deadline=DEADLINE)  # type: ignore[misc, assignment]
    main()
