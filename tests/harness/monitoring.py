"""What the chart's alerts and dashboard ask Prometheus, and Prometheus itself."""

import json
import re
from pathlib import Path
from typing import Any

import yaml

from harness.chart import CHART
from harness.programs import cache, documents

ALERTS = CHART / "files" / "alerts.yaml"
DASHBOARD = CHART / "files" / "dashboard.json"
_METRIC = re.compile(r"\b(?:elb|elbow)_[a-z0-9_]+")
_VARIABLES = {"$__rate_interval": "1m", "$namespace": ".*", "$load_balancer": ".*"}


def alerts() -> list[dict[str, Any]]:
    """The rules of the alerts."""
    return [rule for group in yaml.safe_load(ALERTS.read_text())["groups"] for rule in group["rules"]]


def panels() -> list[dict[str, Any]]:
    """The dashboard's panels, headings apart."""
    return [panel for panel in json.loads(DASHBOARD.read_text())["panels"] if panel["type"] != "row"]


def queries() -> dict[str, list[str]]:
    """What each panel asks, by its title, with the dashboard's variables filled in: everything."""
    return {panel["title"]: [_filled(target["expr"]) for target in panel["targets"]] for panel in panels()}


def asked() -> set[str]:
    """The metrics that alerts and dashboard name."""
    texts = [rule["expr"] for rule in alerts()] + [query for of_panel in queries().values() for query in of_panel]
    return {name for text in texts for name in _METRIC.findall(text)}


def definitions() -> list[dict[str, Any]]:
    """The resources of the Prometheus operator that the chart can make."""
    (directory,) = cache().glob("monitoring-*[0-9]")
    return [found for file in sorted(directory.glob("*.yaml")) for found in documents(file.read_text())]


def rules_file(directory: Path) -> Path:
    """The dashboard's queries as the rules promtool can check."""
    all_queries = [query for of_panel in queries().values() for query in of_panel]
    rules = [{"record": f"query:{n}", "expr": query} for n, query in enumerate(all_queries)]
    file = directory / "queries.yaml"
    file.write_text(yaml.safe_dump({"groups": [{"name": "dashboard", "rules": rules}]}))
    return file


def _filled(query: str) -> str:
    for name, value in _VARIABLES.items():
        query = query.replace(name, value)
    assert "$" not in query, query
    return query
