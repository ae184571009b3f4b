# SPDX-License-Identifier: MIT
"""Alert rules and dashboard (docs/monitoring) are of metrics and labels that a real bearerd gives, and
each alert is there when it must be: tests/monitoring/alerts.yaml."""

import json
import re
import subprocess
from pathlib import Path

import operators
import pytest
import yaml
from pace import FAST

ROOT = Path(__file__).parent.parent.parent
RULES = ROOT / "docs/monitoring/bearerd-alerts.yaml"
DASHBOARD = ROOT / "docs/monitoring/bearerd-dashboard.json"
CASES = ROOT / "tests/monitoring/alerts.yaml"
GUIDE = ROOT / "docs/operating.md"
# Of Prometheus and of node_exporter, not of bearerd.
FOREIGN_METRICS = {"node_textfile_mtime_seconds"}
FOREIGN_LABELS = {"instance", "job", "file"}


def promtool(*arguments):
    done = subprocess.run([operators.promtool(), *arguments], check=False, capture_output=True,
                          text=True, timeout=60)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def alerts():
    groups = yaml.safe_load(RULES.read_text())["groups"]
    return [rule for group in groups for rule in group["rules"]]


def dashboard():
    return json.loads(DASHBOARD.read_text())


def targets():
    """(panel's title, expression) of all there are, with what Grafana puts in."""
    page = dashboard()
    found = [(panel["title"], target["expr"]) for panel in page["panels"]
             for target in panel["targets"]]
    found += [(each["name"], each["expr"]) for each in page["annotations"]["list"]]
    found += [(each["name"], re.match(r"label_values\((.*), \w+\)", each["query"]["query"])[1])
              for each in page["templating"]["list"] if each["type"] == "query"]
    return [(title, expr.replace("$__rate_interval", "1m")) for title, expr in found]


@pytest.fixture(name="metrics")
def the_metrics(broker):
    """{name: its labels}, of a bearerd that has been asked for a token and for none."""
    operator = operators.start(broker(start=False, **FAST))
    assert operator.bearerd.get("/v1/token").status == 200
    found = {}
    for name, *labels in operator.metrics():
        found.setdefault(name, set()).update(label.partition("=")[0] for label in labels)
    return found


def check_names(expr, metrics, where):
    bare = re.sub(r'"[^"]*"', '""', expr)
    named = set(re.findall(r"\b(?:bearerd|node)_\w+", bare))
    assert named, where
    assert named - FOREIGN_METRICS <= metrics.keys(), where
    labels = set(re.findall(r"(\w+) *(?:=|!=|=~|!~) *\"\"", bare))
    for by in re.findall(r"by \(([^)]*)\)", bare):
        labels |= {label.strip() for label in by.split(",")}
    known = FOREIGN_LABELS.union(*(metrics.get(name, set()) for name in named))
    assert labels <= known, where


def test_alerts_are_of_metrics_that_there_are(metrics):
    for rule in alerts():
        check_names(rule["expr"], metrics, rule["alert"])
        texts = " ".join(rule["annotations"].values())
        named = set(re.findall(r"\bbearerd_\w+", texts))
        assert named <= metrics.keys(), rule["alert"]
        assert rule["labels"]["severity"] in ("page", "ticket")
        assert set(rule["annotations"]) == {"summary", "description"}


def test_panels_are_of_metrics_that_there_are(metrics):
    for title, expr in targets():
        check_names(expr, metrics, title)


def test_each_metric_is_on_the_dashboard(metrics):
    shown = {name for _, expr in targets() for name in re.findall(r"\bbearerd_\w+", expr)}
    shown |= {re.sub("_bucket$", suffix, name) for name in shown for suffix in ("_sum", "_count")}
    shown |= {name.replace("_valid_seconds", "_expiry_timestamp_seconds") for name in shown}
    assert metrics.keys() - shown == set()


def test_rules_are_right():
    assert f"SUCCESS: {len(alerts())} rules found" in promtool("check", "rules", RULES)


def test_expressions_of_the_dashboard_are_right(tmp_path):
    rules = [{"record": f"panel:{i}", "expr": expr} for i, (_, expr) in enumerate(targets())]
    (tmp_path / "rules.yaml").write_text(json.dumps({"groups": [{"name": "x", "rules": rules}]}))
    promtool("check", "rules", tmp_path / "rules.yaml")


def test_each_alert_is_there_when_it_must_be_and_not_before():
    assert "SUCCESS" in promtool("test", "rules", CASES)
    there, absent = set(), set()
    for case in yaml.safe_load(CASES.read_text())["tests"]:
        for moment in case["alert_rule_test"]:
            (there if moment["exp_alerts"] else absent).add(moment["alertname"])
    names = {rule["alert"] for rule in alerts()}
    assert there == names
    assert absent == names


def test_dashboard_is_laid_out():
    page = dashboard()
    ids = [panel["id"] for panel in page["panels"]]
    assert len(ids) == len(set(ids)) > 10
    cells = set()
    for panel in page["panels"]:
        at = panel["gridPos"]
        assert at["x"] + at["w"] <= 24
        own = {(x, y) for x in range(at["x"], at["x"] + at["w"])
               for y in range(at["y"], at["y"] + at["h"])}
        assert not own & cells, panel["title"]
        cells |= own
        assert panel["description"]
    variables = {each["name"] for each in page["templating"]["list"]}
    used = set(re.findall(r"\$\{?([a-z]\w*)", DASHBOARD.read_text()))
    assert used == variables


def test_the_guide_names_each_metric(metrics):
    table = GUIDE.read_text().partition("## Metrics")[2].partition("\n## ")[0]
    said = set(re.findall(r"`(bearerd_\w+)`", table))
    plain = {re.sub("_(bucket|sum|count)$", "", name) for name in metrics}
    assert plain <= said
