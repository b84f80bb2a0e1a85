"""Former names of the test equipment; deleted when no test imports them."""

from __future__ import annotations

from lab.canned_api import (
    EPOCH,
    HOLD,
    Answer,
    answer,
    dribbled,
    endless,
    problem,
    sse,
    stream,
    told,
)
from lab.canned_api import (
    ApiRequest as Request,
)
from lab.canned_api import CannedApi as ScriptedApi

__all__ = [
    "EPOCH",
    "HOLD",
    "Answer",
    "Request",
    "ScriptedApi",
    "answer",
    "dribbled",
    "endless",
    "problem",
    "sse",
    "stream",
    "told",
]
