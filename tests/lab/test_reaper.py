"""A reaper ends what a killed process leaves behind."""

from __future__ import annotations

import subprocess
import sys

import pytest

from lab.process import ROOT
from lab.process_table import is_running
from lab.waiting import wait_until

pytestmark = pytest.mark.process

CLIENT = """
import subprocess, threading, time
from lab.reaper import reaper
from launcher.embedded_redis import EmbeddedRedis

with reaper():
    threading.Thread(target=time.sleep, args=(600,), daemon=True).start()
    with EmbeddedRedis() as redis:
        print(subprocess.Popen(["sleep", "600"]).pid, redis.process.pid, flush=True)
        time.sleep(600)
"""


def test_killed_process_leaves_no_child_behind() -> None:
    with subprocess.Popen(
        [sys.executable, "-c", CLIENT], stdout=subprocess.PIPE, text=True, cwd=ROOT
    ) as client:
        assert client.stdout is not None
        children = [int(each) for each in client.stdout.readline().split()]
        assert list(map(is_running, children)) == [True, True]
        client.kill()
    wait_until(lambda: not any(map(is_running, children)), "the children have ended")
