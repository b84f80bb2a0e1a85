"""Validate values against the schemas of the specification, without any member that they lack."""

from __future__ import annotations

from copy import deepcopy
from typing import Any

from jsonschema import Draft202012Validator

from api.http.spec.openapi import openapi_document

DOCUMENT = openapi_document()


def _strict_components() -> dict[str, Any]:
    components: dict[str, Any] = deepcopy(DOCUMENT["components"])
    for schema in components["schemas"].values():
        schema["additionalProperties"] = False
    return components


_COMPONENTS = _strict_components()


def assert_valid(value: object, schema: dict[str, Any]) -> None:
    """Fail with the first error unless `value` is as in `schema`, and has no other members."""
    validator = Draft202012Validator(
        {**schema, "components": _COMPONENTS},
        format_checker=Draft202012Validator.FORMAT_CHECKER,
    )
    errors = [f"{each.json_path}: {each.message[:200]}" for each in validator.iter_errors(value)]
    assert errors == []


def reference(name: str) -> dict[str, Any]:
    """Return a schema that refers to a component."""
    return {"$ref": f"#/components/schemas/{name}"}


def response_of(path: str, status: int) -> dict[str, Any]:
    """Return the declared response of GET."""
    response: dict[str, Any] = DOCUMENT["paths"][path]["get"]["responses"][str(status)]
    return response
