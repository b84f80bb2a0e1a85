"""The JSON of a dashboard for Grafana 11."""

from __future__ import annotations

import json
from typing import Any

from tools.dashboards.panel import COLUMNS, Dashboard, Panel

SOURCE = {"type": "prometheus", "uid": "kraken-book-prometheus"}
HEIGHT_OF_NUMBER, HEIGHT = 4, 8


def grafana_json(dashboard: Dashboard) -> str:
    """Return the text of the file that Grafana loads."""
    variables = [_instances(dashboard.instances)] if dashboard.instances else []
    links = {
        "type": "dashboards",
        "tags": ["kraken-book"],
        "title": "kraken-book",
        "asDropdown": True,
    }
    whole = {
        "uid": f"kraken-book-{dashboard.name}",
        "title": dashboard.title,
        "tags": ["kraken-book"],
        "schemaVersion": 39,
        "editable": False,
        "refresh": "15s",
        "time": {"from": "now-1h", "to": "now"},
        "timezone": "utc",
        "graphTooltip": 1,
        "links": [links],
        "templating": {"list": variables},
        "panels": _panels(dashboard),
    }
    return json.dumps(whole, indent=1) + "\n"


def _instances(expression: str) -> dict[str, Any]:
    return {
        "name": "instance",
        "label": "instance",
        "type": "query",
        "datasource": SOURCE,
        "query": {"query": f"label_values({expression}, instance)", "refId": "instance"},
        "refresh": 2,
        "sort": 1,
        "multi": True,
        "includeAll": True,
        "allValue": ".*",
        "current": {"text": "All", "value": "$__all"},
    }


def _panels(dashboard: Dashboard) -> list[dict[str, Any]]:
    panels: list[dict[str, Any]] = []
    top = 0
    for row in dashboard.rows:
        place = {"x": 0, "y": top, "w": COLUMNS, "h": 1}
        panels.append({"type": "row", "title": row.title, "gridPos": place, "collapsed": False})
        top += 1
        left = height = 0
        for panel in row.panels:
            if left + panel.width > COLUMNS:
                left, top = 0, top + height
            height = HEIGHT_OF_NUMBER if panel.is_number else HEIGHT
            place = {"x": left, "y": top, "w": panel.width, "h": height}
            panels.append(_panel(panel) | {"gridPos": place})
            left += panel.width
        top += height
    return [{"id": number} | panel for number, panel in enumerate(panels, 1)]


def _panel(panel: Panel) -> dict[str, Any]:
    steps: list[dict[str, Any]] = [{"color": "text" if panel.is_number else "green", "value": None}]
    if panel.limit is not None:
        steps.append({"color": "red", "value": panel.limit})
    defaults: dict[str, Any] = {
        "unit": panel.unit,
        "min": 0,
        "thresholds": {"mode": "absolute", "steps": steps},
    }
    if not panel.is_number:
        defaults["custom"] = {"lineWidth": 1, "fillOpacity": 8, "showPoints": "never"}
    return {
        "type": "stat" if panel.is_number else "timeseries",
        "title": panel.title,
        "description": panel.about,
        "datasource": SOURCE,
        "fieldConfig": {"defaults": defaults, "overrides": []},
        "options": _options(panel),
        "targets": [
            {
                "refId": chr(ord("A") + number),
                "datasource": SOURCE,
                "expr": expression,
                "legendFormat": legend,
                "instant": panel.is_number,
                "range": not panel.is_number,
                "exemplar": panel.has_exemplars,
            }
            for number, (legend, expression) in enumerate(panel.queries.items())
        ],
    }


def _options(panel: Panel) -> dict[str, Any]:
    if panel.is_number:
        return {
            "reduceOptions": {"calcs": ["lastNotNull"], "fields": "", "values": False},
            "colorMode": "value",
            "graphMode": "none",
            "textMode": "value",
        }
    return {
        "legend": {"displayMode": "list", "placement": "bottom", "showLegend": True},
        "tooltip": {"mode": "multi", "sort": "desc"},
    }
