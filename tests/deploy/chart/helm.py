"""Render the chart with Helm, and check the objects by their schemas; runs in `.venv-helm`.

The standard input is a JSON object with `values`, an array of values of the chart, and `objects`,
an array of objects of Kubernetes. The output has for each of the values `files`, the rendered texts
by the names of their templates, or `error`, with which Helm refuses them, and `faults`, what the
schemas say against the objects; for each of the objects its faults; and `lint`, the findings of
`helm lint`.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import helm_python
import jsonschema
import kubernetes_validate
import yaml
from cloudcoil.models.prometheus_operator import v1 as prometheus_operator
from referencing import Registry, Resource

CHART = Path(__file__).parents[3] / "deploy" / "helm" / "kraken-book"
GATEWAY_SCHEMAS = Path(__file__).with_name("gateway_schemas.js")
# The oldest that Chart.yaml permits, and the newest with schemas.
VERSIONS = ("1.27", "1.37")


def main() -> None:
    chart = helm_python.Chart.load(str(CHART))
    given = json.load(sys.stdin)
    print(
        json.dumps(
            {
                "values": [rendered(chart, values) for values in given["values"]],
                "objects": [list(faults_of(each)) for each in given["objects"]],
                "lint": helm_python.lint(str(CHART), strict=True)["messages"],
            }
        )
    )


def rendered(chart: Any, values: dict[str, Any]) -> dict[str, Any]:
    """Return what Helm makes of some values."""
    try:
        files = chart.render(values, name="books", namespace="market")
    except helm_python.HelmError as error:
        return {"error": str(error), "files": {}, "faults": []}
    objects = [each for name, text in files.items() if "NOTES" not in name for each in parsed(text)]
    faults = [f"{each['kind']} {each['metadata']['name']}: {fault}"
              for each in objects for fault in faults_of(each)]  # fmt: skip
    return {"error": None, "files": files, "faults": faults}


def parsed(text: str) -> Iterator[Any]:
    return (each for each in yaml.load_all(text, Loader=yaml.CSafeLoader) if each)


def faults_of(thing: dict[str, Any]) -> Iterator[str]:
    """Yield what the schema of an object's kind says against it; unknown fields are faults too."""
    match thing["apiVersion"]:
        case "monitoring.coreos.com/v1":
            yield from faults_of_model(getattr(prometheus_operator, thing["kind"]), thing)
        case "gateway.networking.k8s.io/v1":
            yield from (
                fault.message
                for fault in jsonschema.Draft7Validator(gateway_schema(thing["kind"])).iter_errors(
                    thing
                )
            )
        case _:
            for version in VERSIONS:
                check = kubernetes_check(version, thing["kind"], thing["apiVersion"])
                for error in check.iter_errors(thing):
                    yield f"{version}: {'.'.join(map(str, error.path))}: {error.message}"


@cache
def kubernetes_check(version: str, kind: str, api_version: str) -> Any:
    """Return the check of a kind of Kubernetes's own.

    `kubernetes_validate.validate` reads its 2 MB of definitions again for each object.
    """
    group, _, number = api_version.rpartition("/")
    parts = [kind.lower(), *([group.partition(".")[0]] if group else []), number]
    schema = json.loads((folder_of(version) / f"{'-'.join(parts)}.json").read_text())
    return jsonschema.Draft202012Validator(schema, registry=definitions(version))


@cache
def definitions(version: str) -> Any:
    text = (folder_of(version) / "_definitions.json").read_text()
    return Resource.from_contents(json.loads(text)) @ Registry()


def folder_of(version: str) -> Path:
    """Return the folder of the schemas that permit no unknown fields."""
    schemas = Path(kubernetes_validate.__file__).parent / "kubernetes-json-schema"
    return schemas / f"v{version}.0-local-strict"


def faults_of_model(model: Any, thing: dict[str, Any]) -> Iterator[str]:
    try:
        known = model.model_validate(thing)
    except ValueError as error:
        yield str(error)
        return
    # The models ignore unknown fields.
    yield from unknown(
        thing, known.model_dump(mode="json", by_alias=True, exclude_unset=True), thing["kind"]
    )


def unknown(given: Any, known: Any, place: str) -> Iterator[str]:
    """Yield the fields of `given` that are not in `known`."""
    if isinstance(given, dict):
        for name, value in given.items():
            if name not in known:
                yield f"{place}.{name} is unknown"
            else:
                yield from unknown(value, known[name], f"{place}.{name}")
    elif isinstance(given, list):
        for index, (value, other) in enumerate(zip(given, known, strict=True)):
            yield from unknown(value, other, f"{place}.{index}")


@cache
def gateway_schema(kind: str) -> Any:
    """Return the schema of a kind of the Gateway API, without the metadata."""
    schema = json.loads(
        subprocess.run(
            ["node", GATEWAY_SCHEMAS, kind], check=True, capture_output=True, text=True
        ).stdout
    )
    schema["properties"]["metadata"] = {"type": "object"}
    return closed(schema)


def closed(schema: Any) -> Any:
    """Return a schema that permits no unknown properties."""
    if isinstance(schema, list):
        return [closed(each) for each in schema]
    if not isinstance(schema, dict):
        return schema
    found = {name: closed(each) for name, each in schema.items()}
    if isinstance(schema.get("properties"), dict) and schema.get("type") == "object":
        found.setdefault("additionalProperties", False)
    return found


if __name__ == "__main__":
    main()
