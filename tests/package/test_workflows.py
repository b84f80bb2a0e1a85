"""The workflows of continuous integration parse, and call only what this repository has."""

from __future__ import annotations

import os
import re
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from lab.process import ROOT

WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))
TARGETS = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))


def load(path: Path) -> dict[Any, Any]:
    workflow: dict[Any, Any] = yaml.safe_load(path.read_text())
    return workflow


def steps(workflow: dict[Any, Any]) -> Iterator[dict[str, Any]]:
    for job in workflow["jobs"].values():
        yield from job.get("steps", ())


def make_targets(script: str) -> set[str]:
    """Return the targets that a shell script gives to make."""
    calls = re.findall(r"(?:^|[;&(]) *make((?: -\S+)*) ([a-z][a-z-]*)", script, re.MULTILINE)
    return {target for _, target in calls}


def test_workflows_cover_changes_and_releases() -> None:
    assert [path.name for path in WORKFLOWS] == ["ci.yml", "release.yml"]


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.name)
def test_workflow_has_least_permissions_and_a_time_limit(path: Path) -> None:
    workflow = load(path)
    assert workflow["permissions"] == {"contents": "read"}
    for job in workflow["jobs"].values():
        assert "uses" in job or job["timeout-minutes"] <= 30


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.name)
def test_workflow_calls_existing_make_targets_and_scripts(path: Path) -> None:
    scripts = [step["run"] for step in steps(load(path)) if "run" in step]
    assert scripts
    for script in scripts:
        assert make_targets(script) <= TARGETS
        for name in re.findall(r"^\.\S+", script, re.MULTILINE):
            assert os.access(ROOT / name, os.X_OK)


def test_ci_script_checks_existing_make_targets() -> None:
    script = (ROOT / ".ci" / "run").read_text()
    checked = set(re.findall(r"^check ([a-z-]+)", script, re.MULTILINE)) | make_targets(script)
    assert checked
    assert checked <= TARGETS


def test_actions_are_pinned_to_commits_with_their_versions() -> None:
    used = "\n".join(re.findall(r"uses: .+", "".join(map(Path.read_text, WORKFLOWS))))
    pinned = re.findall(r"^uses: ([\w-]+/[\w-]+)@([0-9a-f]{40}) # (v[\d.]+)$", used, re.MULTILINE)
    ours = re.findall(r"^uses: \./", used, re.MULTILINE)
    assert pinned
    assert len(pinned) + len(ours) == len(used.splitlines()), used
    # One commit of each action.
    assert len(set(pinned)) == len({action for action, *_ in pinned})


def test_ci_covers_every_supported_python_with_redis_and_valkey() -> None:
    matrix = load(ROOT / ".github" / "workflows" / "ci.yml")["jobs"]["check"]["strategy"]["matrix"]
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    name = "Programming Language :: Python :: "
    supported = [
        each.removeprefix(name) for each in project["classifiers"] if each.startswith(name)
    ]
    assert matrix == {"python": supported, "server": ["redis", "valkey"]}
    assert project["requires-python"] == f">={supported[0]}"


def test_release_compares_tag_with_version_before_it_builds() -> None:
    workflow = load(ROOT / ".github" / "workflows" / "release.yml")
    # YAML 1.1 reads the key `on` as true.
    assert workflow[True] == {"push": {"tags": ["v*"]}}
    scripts = [step.get("run", "") for step in workflow["jobs"]["release"]["steps"]]
    compared = next(at for at, script in enumerate(scripts) if "make --no-print-dir" in script)
    built = next(at for at, script in enumerate(scripts) if "make dist" in script)
    assert compared < built


def test_ci_runs_in_pure_python_what_was_installed_without_a_compiler() -> None:
    steps = load(ROOT / ".github" / "workflows" / "ci.yml")["jobs"]["pure"]["steps"]
    installed = next(at for at, step in enumerate(steps) if "make install" in step.get("run", ""))
    tested = next(at for at, step in enumerate(steps) if step.get("run") == ".ci/run")
    assert installed < tested
    assert steps[installed]["env"] == {"CC": "false"}
    assert steps[tested]["env"] == {"PATHS": "pure"}
    assert '"${PATHS:-all}" = pure' in (ROOT / ".ci" / "run").read_text()


def test_release_builds_one_stable_abi_wheel_for_each_platform() -> None:
    job = load(ROOT / ".github" / "workflows" / "release.yml")["jobs"]["wheels"]
    machines = job["strategy"]["matrix"]["machine"]
    assert {machine.partition("-")[0] for machine in machines} == {"ubuntu", "macos"}
    (built,) = [step for step in job["steps"] if "cibuildwheel --output" in step.get("run", "")]
    oldest = re.search(r'OLDEST_PYTHON, .* = "(cp\d+)"', (ROOT / "setup.py").read_text())
    assert oldest is not None
    assert built["env"]["CIBW_BUILD"] == f"{oldest[1]}-*"
    assert any("abi3audit --strict" in step.get("run", "") for step in job["steps"])


def test_release_checks_all_wheels_before_it_publishes() -> None:
    job = load(ROOT / ".github" / "workflows" / "release.yml")["jobs"]["release"]
    assert job["needs"] == ["check", "wheels"]
    scripts = [step.get("run", step.get("uses", "")) for step in job["steps"]]
    added, checked, published = (
        next(at for at, script in enumerate(scripts) if part in script)
        for part in ("download-artifact", "tools.wheels dist/", "gh release create")
    )
    assert added < checked < published


@pytest.mark.process
def test_make_help_explains_every_target_in_a_group() -> None:
    text = (ROOT / "Makefile").read_text()
    groups = re.findall(r"^##@ (.+)$", text, re.MULTILINE)
    assert groups == ["Run", "Develop", "Supply chain", "Containers", "Measure"]
    explained = set(re.findall(r"^([a-z-]+):.* ## \S", text, re.MULTILINE))
    assert explained | {"help"} == TARGETS
