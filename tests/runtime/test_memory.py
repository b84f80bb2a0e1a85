"""The tuned garbage collector, and the limit of memory."""

from __future__ import annotations

import gc
from pathlib import Path

import pytest

from runtime.memory import memory_limit, tune_gc

MB = 1024 * 1024


def test_tune_gc_freezes_existing_objects() -> None:
    thresholds = gc.get_threshold()
    try:
        tune_gc()
        assert gc.get_freeze_count() > 10_000
        assert gc.isenabled()
    finally:
        gc.unfreeze()
        gc.set_threshold(*thresholds)


@pytest.mark.parametrize(
    ("own", "files", "limit"),
    [
        # A container, which sees its own group as the root.
        ("0::/", {"memory.max": "536870912"}, 512 * MB),
        ("0::/", {"memory.max": "max"}, 0),
        # A systemd unit, in a slice with a lower limit.
        (
            "0::/books.slice/api.service",
            {
                "books.slice/memory.max": f"{300 * MB}",
                "books.slice/api.service/memory.max": f"{400 * MB}",
            },
            300 * MB,
        ),
        # Version 1, in a container that knows the path of its host.
        (
            "4:cpu,cpuacct:/docker/0a1b\n3:memory:/docker/0a1b\n0::/",
            {"memory/memory.limit_in_bytes": f"{512 * MB}"},
            512 * MB,
        ),
        ("3:memory:/", {"memory/memory.limit_in_bytes": "9223372036854771712"}, 0),
        ("0::/", {}, 0),
    ],
)
def test_memory_limit_is_the_lowest_of_the_control_groups(
    own: str, files: dict[str, str], limit: int, tmp_path: Path
) -> None:
    groups = tmp_path / "groups"
    for name, text in files.items():
        (groups / name).parent.mkdir(parents=True, exist_ok=True)
        (groups / name).write_text(text + "\n")
    names = tmp_path / "own"
    names.write_text(own + "\n")
    assert memory_limit(groups, names) == limit


def test_memory_limit_without_control_groups_is_none(tmp_path: Path) -> None:
    assert memory_limit(tmp_path, tmp_path / "missing") == 0
