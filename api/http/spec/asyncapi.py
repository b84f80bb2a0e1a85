"""The specification of the streams, AsyncAPI 3.0."""

from __future__ import annotations

from typing import Any

from api.http.answers import BestAnswer
from api.http.declared import Operation
from api.http.operations import BEST, BEST_STREAM, BOOK_STREAM, BOOKS_STREAM
from api.http.spec.examples import answer_examples, event_examples
from api.http.spec.schemas import REFERENCE, schemas_of
from kraken_book import __version__
from kraken_book.event import Event

_DESCRIPTION = """\
Events of books as Server-Sent Events over HTTP. Each message has `data`, an event as JSON, and no
`event`; most have an `id`, with which a reader resumes. The messages of best prices have none: each
replaces the one before. The routes, errors and security are in
`openapi.json`.
"""
_STREAMS = {"book": BOOK_STREAM, "books": BOOKS_STREAM, "best": BEST_STREAM}


def asyncapi_document() -> dict[str, Any]:
    """Return the document; it is the same in each process."""
    _, schemas = schemas_of([Event, BestAnswer])
    events = event_examples()
    examples = {**events, BestAnswer.__name__: answer_examples()[BEST]}
    return {
        "asyncapi": "3.0.0",
        "info": {"title": "kraken-book", "version": __version__, "description": _DESCRIPTION},
        "defaultContentType": "application/json",
        "channels": {
            name: _channel(
                operation, list(events) if operation.answer is Event else [BestAnswer.__name__]
            )
            for name, operation in _STREAMS.items()
        },
        "operations": {
            operation.id: _operation(name, operation) for name, operation in _STREAMS.items()
        },
        "components": {
            "messages": {
                name: {
                    "name": name,
                    "summary": schemas[name]["description"],
                    "payload": {"$ref": REFERENCE.format(name=name)},
                    "examples": [{"payload": example}],
                }
                for name, example in examples.items()
            },
            "schemas": schemas,
        },
    }


def _channel(operation: Operation, messages: list[str]) -> dict[str, Any]:
    channel: dict[str, Any] = {
        "address": operation.path.replace(":path}", "}"),
        "title": operation.summary,
        "messages": {name: {"$ref": f"#/components/messages/{name}"} for name in messages},
    }
    parameters = {
        each.name: {"description": each.description, "examples": [each.example]}
        for each in operation.parameters
        if each.is_in_path
    }
    if parameters:
        channel["parameters"] = parameters
    return channel


def _operation(channel: str, operation: Operation) -> dict[str, Any]:
    query = [each for each in operation.parameters if not each.is_in_path]
    return {
        # From the side of the api, as AsyncAPI 3 describes an application.
        "action": "send",
        "channel": {"$ref": f"#/channels/{channel}"},
        "summary": operation.summary,
        "description": operation.description,
        "bindings": {
            "http": {
                "method": "GET",
                "query": {
                    "type": "object",
                    "properties": {
                        each.name: {**each.schema, "description": each.description}
                        for each in query
                    },
                    "required": [each.name for each in query if each.is_required],
                    "additionalProperties": False,
                },
                "bindingVersion": "0.3.0",
            }
        },
    }
