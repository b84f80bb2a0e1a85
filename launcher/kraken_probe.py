"""Does live Kraken answer? `python -m launcher.kraken_probe URL` exits with 0 once it does.

It has no limit of its own: `feed` runs it and gives it up.
"""

from __future__ import annotations

import asyncio
import json
import sys

from websockets.asyncio.client import connect
from websockets.exceptions import WebSocketException

from runtime.command_line import OneLineParser

WHAT = "Exits with 0 once Kraken's WebSocket v2 at URL has told its status."


async def await_status(url: str) -> None:
    """Return once Kraken's `status` frame has come, with which it greets every connection."""
    async with connect(url, open_timeout=None) as connection:
        async for frame in connection:
            if json.loads(frame).get("channel") == "status":
                return
    raise ConnectionError("it closed the connection without a word")


def main() -> int:
    """Ask the URL on the command line; the reason of a failure is the last line that is printed."""
    parser = OneLineParser("python -m launcher.kraken_probe", description=WHAT)
    parser.add_argument("url", metavar="URL")
    try:
        asyncio.run(await_status(parser.parse_args().url))
    except (OSError, WebSocketException, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error) or type(error).__name__
        sys.stdout.write(" ".join(reason.split()) + "\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
