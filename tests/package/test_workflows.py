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


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.name)
def test_actions_are_pinned_to_a_major_version(path: Path) -> None:
    for step in steps(load(path)):
        if "uses" in step:
            assert re.fullmatch(r"[\w-]+/[\w-]+@v\d+", step["uses"])


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


@pytest.mark.process
def test_make_help_explains_every_target_in_a_group() -> None:
    text = (ROOT / "Makefile").read_text()
    groups = re.findall(r"^##@ (.+)$", text, re.MULTILINE)
    assert groups == ["Run", "Develop", "Containers", "Measure"]
    explained = set(re.findall(r"^([a-z-]+):.* ## \S", text, re.MULTILINE))
    assert explained | {"help"} == TARGETS
