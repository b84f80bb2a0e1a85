"""The documentation's examples for browsers."""

from __future__ import annotations

import re

from tests.docs.markdown import DOCS, blocks

# The first example shows the best prices as the title of its page.
SHOWN = re.compile(r"[\d.]+ [\d.]+")
MODULE, EVENT_SOURCE, TICKETS = (
    re.sub(r"</?script[^>]*>", "", block.code)
    for block in blocks(DOCS / "javascript.md")
    if block.language == "html"
)
