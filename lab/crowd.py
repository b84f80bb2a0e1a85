"""Former names of the test equipment; deleted when no test imports them."""

from __future__ import annotations

from lab.sse.checking_crowd import CheckingCrowd as Crowd
from lab.sse.frozen import frozen_reader, frozen_readers, stream_request

__all__ = ["Crowd", "frozen_reader", "frozen_readers", "stream_request"]
