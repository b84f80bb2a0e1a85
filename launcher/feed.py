"""Live or simulated markets: the only place in the project that ever falls back."""

from __future__ import annotations

import subprocess
import sys

from launcher.settings import LauncherSettings
from launcher.terminal import shout

PROBE_LIMIT = 5.0


def markets_are_simulated(settings: LauncherSettings) -> bool:
    """What FEED says; with `auto`, whether Kraken fails to answer, and then one loud line."""
    if settings.feed != "auto":
        return settings.feed == "simulated"
    reason = why_unreachable(settings.kraken_url)
    if reason:
        shout(
            f"Kraken cannot be reached ({reason}): showing SIMULATED markets."
            " make run FEED=live insists."
        )
    return reason is not None


def why_unreachable(url: str, limit: float = PROBE_LIMIT) -> str | None:
    """Why there is no Kraken at `url`, in a few words; None if it answered within `limit` seconds.

    Name resolution and the proxies of the environment are part of the question.
    """
    try:
        # In a process, because within ours a resolver that hangs could not be given up: Python
        # waits for its thread. Of its own group, because Ctrl-C is for us, who then kill it.
        probe = subprocess.run(  # noqa: S603 - ourselves
            [sys.executable, "-m", "launcher.kraken_probe", url],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=limit,
            check=False,
            process_group=0,
        )
    except subprocess.TimeoutExpired:
        return f"no answer within {limit:g} s"
    if probe.returncode == 0:
        return None
    told = (probe.stdout + probe.stderr).strip().splitlines()
    return told[-1] if told else f"the probe ended with {probe.returncode}"
