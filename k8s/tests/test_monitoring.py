"""Alerts and the dashboard: well formed, explained, and about metrics that exist."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml
from foresite_airflow import stage_needs

from manifests import K8S, Manifests

HERE = Path(__file__).parent
REPOSITORY = K8S.parent
MONITORING = K8S / "components" / "monitoring"
RULES: list[dict[str, Any]] = [
    rule for group in yaml.safe_load((MONITORING / "rules.yaml").read_text())["groups"] for rule in group["rules"]
]
DASHBOARD: dict[str, Any] = json.loads((MONITORING / "dashboard.json").read_text())
OPERATIONS = REPOSITORY / "docs" / "operations.md"
METRIC = re.compile(r"\bforesite_\w+")
CONSOLE = REPOSITORY / "docs" / "console.md"
#: Labels that a scrape adds.
SCRAPED = {"namespace", "pod"}


def expressions() -> list[str]:
    panels = [target["expr"] for panel in DASHBOARD["panels"] for target in panel["targets"]]
    return panels + [rule["expr"] for rule in RULES]


@pytest.mark.skipif(not shutil.which("promtool"), reason="promtool is missing: apt-get install prometheus")
def test_every_alert_fires_on_its_trouble_only() -> None:
    checked = run("check", "rules", str(MONITORING / "rules.yaml"))
    assert checked.returncode == 0, checked.stderr
    tested = run("test", "rules", str(HERE / "rules_test.yaml"))
    assert tested.returncode == 0, tested.stderr


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    call = [shutil.which("promtool") or "", *arguments]
    return subprocess.run(call, capture_output=True, text=True, timeout=300, check=False)


def test_every_alert_has_a_case() -> None:
    cases = yaml.safe_load((HERE / "rules_test.yaml").read_text())["tests"]
    fired = {case["alertname"] for test in cases for case in test["alert_rule_test"] if case.get("exp_alerts")}
    assert fired == {rule["alert"] for rule in RULES}


def test_every_alert_is_graded_and_says_what_is_wrong() -> None:
    for rule in RULES:
        assert rule["labels"]["severity"] in {"critical", "warning"}, rule["alert"]
        assert rule["annotations"]["summary"], rule["alert"]
        assert rule["annotations"]["runbook"] == f"docs/operations.md, row {rule['alert']}"


def test_what_is_read_once_a_day_is_waited_for() -> None:
    """A console that is rolled, or a day that is measured anew, wakes nobody."""
    for rule in RULES:
        if re.search(r"foresite_(monitor|console)_", rule["expr"]):
            assert rule.get("for"), rule["alert"]


def test_operations_says_what_to_do_about_every_alert() -> None:
    """Under a heading or row of its name, and about no alert that is none."""
    told = set(re.findall(r"`(Foresite[A-Z]\w+)`", OPERATIONS.read_text()))
    assert told == {rule["alert"] for rule in RULES}


def test_operations_says_what_to_do_about_every_exit_code() -> None:
    source = (REPOSITORY / "airflow" / "foresite_airflow" / "exits.py").read_text()
    codes = {int(code) for code in re.findall(r"^    (\d+): \"", source, re.MULTILINE)}
    codes |= {int(code) for code in re.findall(r"^[A-Z]+ = (\d+)$", source, re.MULTILINE) if int(code) > 64}
    assert len(codes) >= 11
    rows = re.findall(r"^\| ([\d, ]+) \|", OPERATIONS.read_text(), re.MULTILINE)
    told = {int(code) for row in rows for code in row.split(",")}
    assert codes <= told, codes - told


def test_rules_and_dashboard_ask_for_metrics_that_the_service_has() -> None:
    source = REPOSITORY / "crates" / "serve" / "src" / "metrics.rs"
    if not source.exists():
        pytest.skip("crates/serve is missing, nothing tells which metrics there are")
    text = source.read_text()
    of_console = of_the_console()
    for name in {name for expression in expressions() for name in METRIC.findall(expression)} - of_console.keys():
        plain = re.sub(r"_(bucket|sum|count)$", "", name)
        short = plain.removeprefix("foresite_serve_")
        assert f'"{plain}"' in text or f'"{short}"' in text, f"{name} is no metric of foresite-serve"


def of_the_console() -> dict[str, set[str]]:
    """Metrics that the console tells, with their labels, as its source declares them."""
    text = "\n".join(path.read_text() for path in (REPOSITORY / "crates" / "console" / "src").rglob("*.rs"))
    labelled = re.findall(r'Gauges::new\(\s*"(foresite_\w+)",\s*"[^"]+",\s*\[([^\]]+)\]', text)
    found = {name: set(re.findall(r'"(\w+)"', labels)) for name, labels in labelled}
    plain = re.findall(r'number\(\s*"(foresite_\w+)"', text)
    return {**found, **{name: set() for name in plain}}


def test_rules_and_dashboard_tell_series_of_the_console_apart_by_labels_that_they_have() -> None:
    known = of_the_console()
    assert len(known) >= 10
    asked = {
        (name, label)
        for expression in expressions()
        for name, matchers in re.findall(r"\b(foresite_\w+)\{([^}]*)\}", expression)
        for label in re.findall(r"(\w+)(?:=~|!~|!=|=)", matchers)
        if name in known
    }
    assert len(asked) >= 10
    for name, label in asked:
        assert label in known[name] | SCRAPED, f"{name} has no label {label}"
    for expression in expressions():
        names = set(METRIC.findall(expression)) & known.keys()
        grouped = {label for labels in re.findall(r"\bby \(([^)]*)\)", expression) for label in labels.split(", ")}
        for name in names:
            assert grouped <= known[name] | SCRAPED, f"{name} has not all of {grouped}"


def test_the_guide_tells_every_series_of_the_console() -> None:
    told = set(METRIC.findall(CONSOLE.read_text()))
    assert told == of_the_console().keys()


def test_rules_know_the_services_and_the_stages(renderings: dict[str, Manifests]) -> None:
    text = {rule["alert"]: rule["expr"] for rule in RULES}
    down = re.search(r'deployment=~"([^"]+)"', text["ForesiteServiceDown"])
    assert down
    assert set(down[1].split("|")) == renderings["services"].names("Deployment")
    behind = re.search(r"foresite-\(([^)]+)\)-", text["ForesiteStageLeftBehind"])
    assert behind
    assert set(behind[1].split("|")) == set(stage_needs.stages())
    longest = max(needs.time_limit_minutes for needs in stage_needs.stages().values())
    assert f"> {longest // 60 + 1} * 3600" in text["ForesiteStageLeftBehind"]


def test_the_dashboard_is_whole() -> None:
    panels = DASHBOARD["panels"]
    assert len({panel["id"] for panel in panels}) == len(panels)
    assert {variable["name"] for variable in DASHBOARD["templating"]["list"]} == {"datasource", "namespace", "pod"}
    for panel in panels:
        assert panel["title"], panel["id"]
        assert panel["targets"], panel["title"]


def test_the_port_that_is_scraped_is_that_of_the_metrics(renderings: dict[str, Manifests]) -> None:
    for deployment in renderings["everything"].of("Deployment"):
        template = deployment["spec"]["template"]
        annotations = template["metadata"].get("annotations", {})
        for container in template["spec"]["containers"]:
            ports = {port["name"]: str(port["containerPort"]) for port in container.get("ports", [])}
            assert annotations.get("prometheus.io/port") == ports.get("metrics"), deployment["metadata"]["name"]
