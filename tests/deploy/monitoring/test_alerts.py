"""Each alert fires when it should, and not before; promtool evaluates the real rules."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from lab.process import ROOT
from lab.prometheus import NO_PROMTOOL, PROMTOOL
from tests.deploy.monitoring.alert_cases import CASES, LASTING, REMOVED, AlertCase, Series
from tests.docs.markdown import DOCS, section

FOLDER = ROOT / "deploy" / "monitoring"
RULES = FOLDER / "alerts.yml"
ALERTS: dict[str, dict[str, Any]] = {
    rule["alert"]: rule
    for group in yaml.safe_load(RULES.read_text())["groups"]
    for rule in group["rules"]
}


def promtool(*arguments: str | Path) -> None:
    """Run promtool; an error shows its output."""
    assert PROMTOOL is not None
    done = subprocess.run([PROMTOOL, *arguments], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def unit_test(alert: str, series: Series, moments: dict[str, list[dict[str, Any]]]) -> Any:
    """Return a test of one alert for promtool; `moments` has the alerts that are expected."""
    return {
        "interval": "15s",
        "input_series": [{"series": name, "values": text} for name, text in series.items()],
        "alert_rule_test": [
            {"eval_time": time, "alertname": alert, "exp_alerts": alerts}
            for time, alerts in moments.items()
        ],
    }


def fired(alert: str, case: AlertCase) -> dict[str, Any]:
    rule = ALERTS[alert]
    return {
        "exp_labels": case.labels | rule["labels"],
        "exp_annotations": rule["annotations"] | {"summary": case.summary},
    }


@pytest.mark.process
@pytest.mark.skipif(PROMTOOL is None, reason=NO_PROMTOOL)
def test_promtool_accepts_rules_and_configuration() -> None:
    promtool("check", "rules", "--lint=all", "--lint-fatal", RULES)
    promtool("check", "config", "--lint=all", "--lint-fatal", FOLDER / "prometheus.yml")


def promtool_tests() -> dict[str, list[Any]]:
    """Return promtool's tests by the names of their files."""
    tests: dict[str, list[Any]] = {}
    for alert, case in CASES.items():
        before: dict[str, list[dict[str, Any]]] = {case.early: []} if case.early else {}
        tests[f"{alert}-fires"] = [
            unit_test(alert, case.fires, {**before, case.at: [fired(alert, case)]}),
            unit_test(alert, case.quiet, {case.at: []}),
        ]
    for alert, series in LASTING.items():
        expected = [fired(alert, CASES[alert])]
        tests[f"{alert}-lasts"] = [unit_test(alert, series, {"30m": expected, "6h": expected})]
    alert = "KrakenBookNoLeader"
    moments = {"10m": [fired(alert, CASES[alert])], "12m": []}
    tests[f"{alert}-ends"] = [unit_test(alert, REMOVED, moments)]
    return tests


@pytest.fixture(scope="module")
def answers(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Return promtool's answer to each file; it runs once, because a start costs half a second."""
    assert PROMTOOL is not None
    folder = tmp_path_factory.mktemp("alerts")
    for name, tests in promtool_tests().items():
        interval = "1m" if name.endswith("-lasts") else "15s"
        content = {"rule_files": [str(RULES)], "evaluation_interval": interval, "tests": tests}
        (folder / f"{name}.yml").write_text(yaml.safe_dump(content))
    command = [PROMTOOL, "test", "rules", *map(str, sorted(folder.iterdir()))]
    done = subprocess.run(
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False
    )
    parts = done.stdout.split("Unit Testing:  ")[1:]
    return {Path(part.partition("\n")[0]).stem: part for part in parts}


@pytest.mark.process
@pytest.mark.skipif(PROMTOOL is None, reason=NO_PROMTOOL)
@pytest.mark.parametrize("alert", CASES)
def test_alert_fires_at_its_cause_and_not_near_it(alert: str, answers: dict[str, str]) -> None:
    assert_success(answers[f"{alert}-fires"])


@pytest.mark.process
@pytest.mark.skipif(PROMTOOL is None, reason=NO_PROMTOOL)
@pytest.mark.parametrize("alert", LASTING)
def test_alert_lasts_as_long_as_its_target_is_gone(alert: str, answers: dict[str, str]) -> None:
    assert_success(answers[f"{alert}-lasts"])


@pytest.mark.process
@pytest.mark.skipif(PROMTOOL is None, reason=NO_PROMTOOL)
def test_alert_of_a_shard_ends_when_its_report_is_removed(answers: dict[str, str]) -> None:
    assert_success(answers["KrakenBookNoLeader-ends"])


def assert_success(answer: str) -> None:
    assert answer.rsplit(maxsplit=1)[-1] == "SUCCESS", answer


def test_each_alert_has_a_case() -> None:
    assert set(CASES) == set(ALERTS)


@pytest.mark.parametrize("alert", ALERTS)
def test_alert_waits_if_its_case_has_a_time_before_it(alert: str) -> None:
    assert (CASES[alert].early is not None) == ("for" in ALERTS[alert])


@pytest.mark.parametrize("alert", ALERTS)
def test_alert_has_reason_urgency_and_a_section_of_the_runbook(alert: str) -> None:
    rule = ALERTS[alert]
    assert rule["labels"]["urgency"] in {"page", "ticket"}
    assert rule["annotations"]["reason"].endswith(".")
    page, _, anchor = rule["annotations"]["runbook_url"].partition("#")
    assert (page, anchor) == ("docs/operations.md", alert.lower())
    text = section(section((DOCS / "operations.md").read_text(), "Alerts"), alert)
    assert "**Do:**" in text, "the section does not say what to do"


def test_runbook_has_no_other_alert() -> None:
    text = section((DOCS / "operations.md").read_text(), "Alerts")
    headings = [line.removeprefix("### ") for line in text.splitlines() if line.startswith("### ")]
    assert sorted(headings) == sorted(ALERTS)
