"""JSON Schemas of the types of answers and events, with descriptions and bounds."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import msgspec

from api.http.spec.fields import FIELDS

REFERENCE = "#/components/schemas/{name}"


def schemas_of(types: Iterable[Any]) -> tuple[list[dict[str, Any]], dict[str, dict[str, Any]]]:
    """Return the schema of each type, and the schemas of the named types that they refer to.

    Args:
        types: Types that msgspec encodes.
    """
    schemas, components = msgspec.json.schema_components(list(types), ref_template=REFERENCE)
    for component in components.values():
        # Docstrings are for readers of Python.
        description = " ".join(component.get("description", "").split())
        component["description"] = description.replace("None", "null")
        for name, schema in component["properties"].items():
            schema.update(FIELDS.get(name, {}))
    return list(schemas), dict(sorted(components.items()))
