"""Alert rules and dashboard: every metric that they name exists, and the alerts fire when they should."""

import json
import re
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from node.labs.hl7_answer import ANSWERS
from node.ledger.delivery_records import DeliveryState
from node.ledger.ledger import open_ledger
from node.reception.refusal_counts import ASSOCIATIONS, ENDS, INSTANCES
from node.states import StudyState
from node.watch.metrics import Metrics
from tests.conftest import promtool

DEPLOY = Path(__file__).resolve().parents[2] / "deploy"
ALERTS = DEPLOY / "prometheus" / "alerts.yaml"
RULES: list[dict[str, Any]] = yaml.safe_load(ALERTS.read_text(encoding="utf-8"))["groups"][0]["rules"]
DASHBOARD: dict[str, Any] = json.loads((DEPLOY / "grafana" / "dashboard.json").read_text(encoding="utf-8"))
SHOWN = [target["expr"] for panel in DASHBOARD["panels"] for target in panel["targets"]]
EXPRESSIONS = [rule["expr"] for rule in RULES] + SHOWN

VALUES: Mapping[tuple[str, str], frozenset[str]] = {
    ("mvi_studies", "state"): frozenset(StudyState),
    ("mvi_deliveries", "state"): frozenset(DeliveryState),
    ("mvi_results_total", "outcome"): frozenset({"analysed", "refused", "failed"}),
    ("mvi_hl7_messages_total", "answer"): frozenset(ANSWERS),
    ("mvi_associations_rejected_total", "reason"): frozenset(ASSOCIATIONS),
    ("mvi_associations_ended_total", "how"): frozenset(ENDS),
    ("mvi_instances_refused_total", "reason"): frozenset(INSTANCES),
    ("mvi_fhir_pulls_total", "outcome"): frozenset({"answered", "failed"}),
}


@pytest.fixture
def exported(tmp_path: Path) -> set[str]:
    with open_ledger(f"sqlite:///{tmp_path / 'ledger.sqlite'}") as ledger:
        metrics = Metrics(ledger, tmp_path)
        metrics.count_refusals(dict, dict, dict)
        metrics.count_messages(dict)
        metrics.count_pulls(dict)
        metrics.count_purges(dict)
        metrics.count_messages_to_people(dict)
        names = set()
        for family in metrics.registry.collect():
            suffixes = {"histogram": ("_bucket", "_sum", "_count"), "counter": ("_total",)}.get(family.type, ("",))
            names |= {family.name + suffix for suffix in suffixes}
        return names


def test_expressions_when_read_then_every_metric_exists_and_each_is_watched_or_shown(exported: set[str]) -> None:
    named = {name for text in EXPRESSIONS for name in re.findall(r"\bmvi_\w+", text)}
    assert named <= exported
    assert {name for text in SHOWN for name in re.findall(r"\bmvi_\w+", text)} == exported


def test_expressions_when_they_select_by_a_label_then_it_has_such_a_value() -> None:
    looked_at = 0
    for text in EXPRESSIONS:
        for name, selector in re.findall(r"\b(mvi_\w+)\{([^}]*)\}", text):
            for label, value in re.findall(r'(\w+)(?:=~|!=|=)"([^"]+)"', selector):
                known = VALUES.get((name, label))
                if known is not None:
                    assert set(value.split("|")) <= known, text
                    looked_at += 1
    assert looked_at > 10


@pytest.mark.peer("promtool")
def test_alerts_when_series_are_played_then_those_that_must_fire_do(tmp_path: Path) -> None:
    played = tmp_path / "alerts_test.yaml"
    text = Path(__file__).with_name("alerts_test.yaml").read_text(encoding="utf-8")
    played.write_text(text.replace("- ALERTS", f"- {ALERTS}"), encoding="utf-8")
    for arguments in (["check", "rules", str(ALERTS)], ["test", "rules", str(played)]):
        result = subprocess.run([str(promtool()), *arguments], capture_output=True, text=True, check=False)
        assert result.returncode == 0, result.stdout + result.stderr


@pytest.mark.peer("promtool")
def test_dashboard_when_its_expressions_are_parsed_then_each_is_promql(tmp_path: Path) -> None:
    rules = [{"record": f"shown:{number}", "expr": text} for number, text in enumerate(SHOWN)]
    path = tmp_path / "shown.yaml"
    path.write_text(yaml.safe_dump({"groups": [{"name": "shown", "rules": rules}]}), encoding="utf-8")
    result = subprocess.run(
        [str(promtool()), "check", "rules", str(path)], capture_output=True, text=True, check=False
    )
    assert result.returncode == 0, result.stdout + result.stderr
    assert len({panel["id"] for panel in DASHBOARD["panels"]}) == len(DASHBOARD["panels"])


@pytest.mark.peer("promtool")
def test_prometheus_configuration_when_checked_then_valid() -> None:
    path = str(DEPLOY / "compose" / "prometheus.yaml")
    command = [str(promtool()), "check", "config", "--syntax-only", path]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stdout + result.stderr
