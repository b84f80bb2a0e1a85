"""The specification is valid, complete, and has true examples."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import msgspec
import pytest
from starlette.routing import Route

from api.http.operations import OPERATIONS
from api.http.parameters import QUANTITY
from api.http.problem_kinds import PROBLEM_KINDS
from api.http.spec.asyncapi import asyncapi_document
from api.http.spec.examples import event_examples, problem_examples
from api.http.spec.openapi import openapi_document
from kraken_book.event import decode_event
from kraken_book.verified_book import VerifiedBook
from lab.process import ROOT
from tests.api.http.spec.strict import DOCUMENT, assert_valid, reference
from tests.api.replica import Replica

PRINT = "from api.http.spec.openapi import *; import json; print(json.dumps(openapi_document()))"


def test_document_is_valid_openapi() -> None:
    from openapi_spec_validator import OpenAPIV31SpecValidator

    OpenAPIV31SpecValidator(DOCUMENT).validate()
    assert DOCUMENT["openapi"] == "3.1.0"


@pytest.mark.parametrize("document", [DOCUMENT, asyncapi_document()])
def test_every_reference_leads_somewhere(document: dict[str, Any]) -> None:
    found = set(references(document))
    assert found
    for address in found:
        part: Any = document
        for name in address.removeprefix("#/").split("/"):
            assert name in part, address
            part = part[name]


def references(part: Any) -> Iterator[str]:
    """Yield each reference within a part of a document."""
    for name, value in part.items() if isinstance(part, dict) else enumerate(part):
        if name == "$ref":
            yield value
        elif isinstance(value, dict | list):
            yield from references(value)


@pytest.mark.process
def test_document_is_the_same_in_each_process() -> None:
    other = subprocess.run(
        [sys.executable, "-c", PRINT], cwd=ROOT, env={**os.environ, "PYTHONHASHSEED": "7"},
        capture_output=True, text=True, timeout=180, check=True,
    )  # fmt: skip
    assert other.stdout.rstrip() == json.dumps(openapi_document())


def test_every_route_is_in_the_document_and_the_document_has_no_other(replica: Replica) -> None:
    served = {
        (route.path.replace(":path}", "}"), method.lower())
        for route in replica.routes
        if isinstance(route, Route)
        for method in (route.methods or {"no method"}) - {"HEAD"}
    }
    listed = {(path, method) for path, item in DOCUMENT["paths"].items() for method in item}
    assert served == listed, "declare the route in api/http/operations.py, and serve it with that"
    assert len(OPERATIONS) == len(listed)


def test_every_member_of_an_answer_has_a_description() -> None:
    missing = [
        f"{name}.{member}"
        for name, schema in DOCUMENT["components"]["schemas"].items()
        for member, described in schema["properties"].items()
        if "description" not in described
    ]
    assert missing == [], "add it to api/http/spec/fields.py"


def test_every_operation_says_what_it_does_and_has_an_example() -> None:
    for path, item in DOCUMENT["paths"].items():
        for operation in item.values():
            assert operation["summary"], path
            for parameter in operation.get("parameters", ()):
                assert "$ref" in parameter or parameter["description"], path
            content, *lines = next(iter(operation["responses"].values()))["content"].values()
            assert all("x-itemSchema" in each for each in lines), path
            is_data = "$ref" in str(content["schema"])
            assert not is_data or "example" in content, path


def examples() -> Iterator[tuple[str, Any, dict[str, Any]]]:
    """Yield the name, the value and the schema of each example in the document."""
    components = DOCUMENT["components"]
    for name, schema in components["schemas"].items():
        for example in schema.get("examples", ()):
            yield name, example, reference(name)
    for code, example in components["examples"].items():
        yield code, example["value"], reference("ProblemAnswer")
    for kind in ("parameters", "headers"):
        for name, described in components[kind].items():
            yield name, described["example"], described["schema"]
    for path, item in DOCUMENT["paths"].items():
        for method, operation in item.items():
            yield from examples_of(f"{method} {path}", operation)


def examples_of(name: str, operation: dict[str, Any]) -> Iterator[tuple[str, Any, dict[str, Any]]]:
    """Yield the same of the parameters and responses of one operation."""
    for parameter in operation.get("parameters", ()):
        if "example" in parameter:
            yield f"{name} {parameter['name']}", parameter["example"], parameter["schema"]
    for status, response in operation["responses"].items():
        for content in response.get("content", {}).values():
            if "example" in content:
                yield f"{name} {status}", content["example"], content["schema"]


@pytest.mark.parametrize(
    ("value", "schema"),
    [pytest.param(value, schema, id=name) for name, value, schema in examples()],
)
def test_every_example_is_valid(value: Any, schema: dict[str, Any]) -> None:
    assert_valid(value, schema)


def test_example_book_has_the_checksum_of_krakens_guide() -> None:
    book = VerifiedBook("BTC/USD")
    book.apply(decode_event(msgspec.json.encode(event_examples()["Snapshot"])))
    assert event_examples()["Snapshot"]["checksum"] == 3310070434
    book.apply(decode_event(msgspec.json.encode(event_examples()["Update"])))
    assert book.position is not None
    assert book.position.seq == 1043


def test_every_kind_of_problem_has_an_example_with_its_status_and_members() -> None:
    examples = problem_examples()
    assert set(PROBLEM_KINDS) == set(examples)
    for code, example in examples.items():
        kind = PROBLEM_KINDS[code]
        assert example["status"] == kind.status
        members = set(example) - {"type", "title", "status", "detail", "instance"}
        assert members <= set(kind.members)
        assert members | {"book"} >= set(kind.members)


def test_asyncapi_has_the_events_of_all_streams_with_valid_examples() -> None:
    document = asyncapi_document()
    assert set(document["channels"]) == {"book", "books", "best"}
    assert set(document["channels"]["best"]["messages"]) == {"BestAnswer"}
    assert {each["action"] for each in document["operations"].values()} == {"send"}
    messages = document["components"]["messages"]
    assert set(messages) == {"Update", "Snapshot", "StatusChange", "Lagged", "BestAnswer"}
    for name, message in messages.items():
        assert message["payload"] == reference(name)
        assert_valid(message["examples"][0]["payload"], reference(name))
    assert document["components"]["schemas"].keys() <= DOCUMENT["components"]["schemas"].keys()


def test_declared_pattern_of_a_quantity_excludes_zero() -> None:
    with pytest.raises(AssertionError):
        assert_valid("0.00", QUANTITY.schema)
