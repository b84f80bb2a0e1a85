"""Validate values against the schemas of the specification, without any member that they lack."""

from __future__ import annotations

import json
from copy import deepcopy
from typing import Any

import httpx
from jsonschema import Draft202012Validator

from api.http.spec.openapi import openapi_document

DOCUMENT = openapi_document()
OPTIONAL_HEADERS = {
    *("X-Book-Age-Ms", "Content-Encoding", "RateLimit", "RateLimit-Policy"),
    *("X-Events-First-Id", "X-Events-Last-Id", "Link"),
}


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


def assert_declared(answer: httpx.Response, path: str) -> None:
    """Fail unless status, content type, headers and body of an answer are declared for `path`."""
    operation = DOCUMENT["paths"][path][answer.request.method.lower()]
    declared = operation["responses"][str(answer.status_code)]
    missing = [
        name
        for name in declared["headers"]
        if name not in answer.headers and name not in OPTIONAL_HEADERS
    ]
    assert missing == []
    if answer.status_code == 304:
        return
    media_type = answer.headers["content-type"].partition(";")[0]
    content = declared["content"][media_type]
    if media_type == "application/x-ndjson":
        assert answer.content
        for line in answer.text.splitlines():
            assert_valid(json.loads(line), content["x-itemSchema"])
    elif media_type.endswith("json"):
        assert_valid(answer.json(), content["schema"])
