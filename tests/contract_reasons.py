"""Reasons of `status` events, as docs/contract.md lists them."""

from __future__ import annotations

import re

from lab.process import ROOT

_WORD = re.compile(r"`([a-z][a-z -]+)`")
_NO_REASONS = {"status", "syncing", "live", "stale", "reason", "seq", "epoch", "null"}


def contract_reasons() -> list[str]:
    """Return the reasons in the order in which the contract names them."""
    text = (ROOT / "docs/contract.md").read_text()
    paragraph = text[text.index("- `status`: ") : text.index("- `lagged`: ")]
    return [word for word in dict.fromkeys(_WORD.findall(paragraph)) if word not in _NO_REASONS]
