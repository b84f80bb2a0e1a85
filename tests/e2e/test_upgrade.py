"""The last release and this source work together, and an upgrade or a return loses no event."""

from __future__ import annotations

from pathlib import Path

import pytest

from lab.release import NoReleaseError, Release, unpack_last_release
from lab.stage import Stage
from tools.upgrade.account import broken_promises
from tools.upgrade.run import UpgradeOptions, UpgradeRun

ONE_ROUND = UpgradeOptions(rounds=1, books=2, rate=100.0, events=20, readers=1)


@pytest.fixture
def release(tmp_path: Path) -> Release:
    try:
        return unpack_last_release(tmp_path / "release")
    except NoReleaseError as error:
        pytest.skip(str(error))


def test_upgrade_and_return_cost_no_reader_or_client_of_either_release_an_event(
    stage: Stage, release: Release
) -> None:
    run = UpgradeRun(stage, release, ONE_ROUND)
    run.run()
    assert list(broken_promises(run.outcome)) == []
    assert len(run.outcome.steps) == 6
    assert len(run.outcome.clients) == 2
