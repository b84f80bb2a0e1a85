"""Call a script in Redis by its digest; Redis gets its text if it does not know it yet."""

from __future__ import annotations

from hashlib import sha1
from typing import Any

from redis.exceptions import NoScriptError
from redis.typing import EncodableT

from kraken_book.contract.script import Script
from runtime.redis.nodes import Nodes


def make_script(text: str) -> Script:
    """Return a script with the digest by which Redis knows it."""
    return Script(text, sha1(text.encode(), usedforsecurity=False).hexdigest())


async def call_script(
    nodes: Nodes, script: Script, keys: tuple[str, ...], *arguments: EncodableT
) -> Any:
    """Return the reply of a script, which is loaded if Redis does not know it yet.

    Raises redis.RedisError or OSError. The keys are in one slot.
    """
    rest = (len(keys), *keys, *arguments)
    try:
        return await nodes.call(keys[0], "EVALSHA", script.sha, *rest)
    except NoScriptError:
        return await nodes.call(keys[0], "EVAL", script.text, *rest)
