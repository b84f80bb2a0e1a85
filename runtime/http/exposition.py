"""The text of all metrics of this process, in the format that a scrape asks for."""

from __future__ import annotations

from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from prometheus_client.openmetrics import exposition as open_metrics
from prometheus_client.registry import REGISTRY


def is_open_metrics(accept: str) -> bool:
    """Return whether a scrape takes OpenMetrics, the only format with exemplars.

    Args:
        accept: The request's `Accept`.
    """
    return "application/openmetrics-text" in accept


def metrics_text(*, is_open: bool) -> tuple[bytes, str]:
    """Return the metrics and their content type.

    Args:
        is_open: Whether the text is OpenMetrics, else Prometheus's own text.
    """
    if is_open:
        text: bytes = open_metrics.generate_latest(REGISTRY)  # type: ignore[no-untyped-call]
        return text, open_metrics.CONTENT_TYPE_LATEST
    return generate_latest(), CONTENT_TYPE_LATEST
