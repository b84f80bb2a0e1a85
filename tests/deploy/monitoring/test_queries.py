"""No panel and no alert asks for a metric or a label that is not exported."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping

import pytest
import yaml
from prometheus_client.parser import text_string_to_metric_families

from lab.process import ROOT
from tests.deploy.monitoring.promql import Query, Selector, parse
from tests.docs.test_metrics_page import PAGE, ROW
from tools.dashboards.__main__ import FOLDER, main

RULES = yaml.safe_load((ROOT / "deploy" / "monitoring" / "alerts.yml").read_text())
RECORDED = ROOT / "tests" / "data" / "exporters"
# Prometheus makes these itself. tests/e2e/test_monitoring.py knows those of processes.
OWN = {"up": set[str](), "ALERTS": {"alertname", "alertstate"}}
PROCESS = re.compile(r"process_\w+")
# Labels of a target, and of every bucket.
OF_ALL = {"job", "instance", "le"}
SUFFIX = re.compile(r"_(bucket|sum|count)$")


def expressions() -> dict[str, str]:
    """Return each expression of the rules and the dashboards by its place."""
    found = {rule["alert"]: rule["expr"] for group in RULES["groups"] for rule in group["rules"]}
    for file in sorted(FOLDER.glob("*.json")):
        dashboard = json.loads(file.read_text())
        for panel in dashboard["panels"]:
            for target in panel.get("targets", []):
                found[f"{file.stem}: {panel['title']}: {target['refId']}"] = target["expr"]
        for variable in dashboard["templating"]["list"]:
            asked = re.fullmatch(r"label_values\((\w+), instance\)", variable["query"]["query"])
            assert asked is not None
            found[f"{file.stem}: ${variable['name']}"] = asked[1]
    return found


EXPRESSIONS = expressions()
QUERIES = {place: parse(expression) for place, expression in EXPRESSIONS.items()}


def documented() -> dict[str, set[str]]:
    """Return the labels of our metrics by their names; test_metrics_page compares with the code."""
    return {name: set(re.findall(r"`(\w+)`", labels)) for name, labels in ROW.findall(PAGE)}


def exported_by(text: str) -> dict[str, set[str]]:
    """Return the labels of each sample in the text of an exporter, by its name."""
    found: dict[str, set[str]] = {}
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            found.setdefault(SUFFIX.sub("", sample.name), set()).update(sample.labels)
    return found


def known() -> dict[str, set[str]]:
    """Return all metrics that may be asked for, with their labels."""
    others = [exported_by(file.read_text()) for file in RECORDED.glob("*.prom")]
    return {name: labels for each in (documented(), OWN, *others) for name, labels in each.items()}


def selectors(queries: Iterable[Query]) -> Iterable[Selector]:
    return (selector for query in queries for selector in query.selectors)


def faults(query: Query, metrics: Mapping[str, set[str]]) -> list[str]:
    """Return what a query asks for that is not there."""
    found: list[str] = []
    labels = set(OF_ALL)
    for selector in query.selectors:
        name = SUFFIX.sub("", selector.metric)
        if name not in metrics and not PROCESS.fullmatch(name):
            found.append(f"nothing exports {name}")
            continue
        its_labels = metrics.get(name, set()) | OF_ALL
        found += [
            f"{name} has no {label}" for label, *_ in selector.matchers if label not in its_labels
        ]
        labels |= its_labels
    return found + [f"no metric has {label}" for label in query.labels - labels]


def test_expressions_ask_for_metrics_and_labels_that_are_exported() -> None:
    metrics = known()
    found = {place: faults(query, metrics) for place, query in QUERIES.items()}
    assert {place: each for place, each in found.items() if each} == {}


@pytest.mark.parametrize(
    ("expression", "fault"),
    [
        ("rate(kraken_book_no_such_total[1m])", "nothing exports kraken_book_no_such_total"),
        ('kraken_book_leading{color="red"}', "kraken_book_leading has no color"),
        ("sum by (color) (kraken_book_leading)", "no metric has color"),
        ("redis_no_such", "nothing exports redis_no_such"),
    ],
)
def test_fault_of_an_expression_is_found(expression: str, fault: str) -> None:
    assert faults(parse(expression), known()) == [fault]


def test_matched_values_of_our_metrics_are_documented() -> None:
    rows = dict(re.findall(r"^\| `(\w+)` \|(.+)$", PAGE, re.MULTILINE))
    unknown = [
        f"{selector.metric}{{{label}={value}}}"
        for selector in selectors(QUERIES.values())
        for label, operator, value in selector.matchers
        if selector.metric in rows and label not in OF_ALL and operator in ("=", "!=")
        if f"`{value}`" not in rows[selector.metric]
    ]
    assert unknown == []


def test_legend_names_labels_that_the_expression_keeps() -> None:
    for file in FOLDER.glob("*.json"):
        for panel in json.loads(file.read_text())["panels"]:
            for target in panel.get("targets", []):
                named = set(re.findall(r"\{\{(\w+)\}\}", target["legendFormat"]))
                query = parse(target["expr"])
                kept = query.labels if "by (" in target["expr"] else {"job", "instance", "venue"}
                assert named <= kept, f"{panel['title']}: {named - kept}"


def test_dashboards_are_those_of_the_description(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--check"]) == 0, capsys.readouterr().out


@pytest.mark.parametrize("text", ["rate(a[1m]) $ b", '{job="api"}', "1 + 2"])
def test_parser_refuses_what_it_does_not_understand(text: str) -> None:
    with pytest.raises(ValueError, match=r"no PromQL|without a metric|no metric"):
        parse(text)


def test_parser_finds_metrics_matchers_and_labels() -> None:
    query = parse(
        'sum by (a, le) (rate(x_bucket{b="1",c!~"2,3"}[5m] offset 1h))'
        " / on (d) group_left (e) y > 0"
    )
    assert query.selectors == [
        Selector("x_bucket", [("b", "=", "1"), ("c", "!~", "2,3")]),
        Selector("y", []),
    ]
    assert query.labels == {"a", "le", "d", "e"}
