"""The specification of the routes, OpenAPI 3.1."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import groupby
from typing import Any

from api.http.answers import ProblemAnswer
from api.http.declared import EVENT_STREAM, HTML, NDJSON, TICKET, Operation, RouteParameter
from api.http.operations import OPERATIONS, TAGS
from api.http.parameters import EVENT_ID, WATERMARK
from api.http.problem_kinds import PROBLEM_KINDS
from api.http.spec.examples import answer_examples, event_examples, problem_examples
from api.http.spec.schemas import REFERENCE, schemas_of
from kraken_book import __version__
from kraken_book.event import Event

PROBLEM_JSON = "application/problem+json"
_PROBLEM = {"$ref": REFERENCE.format(name=ProblemAnswer.__name__)}

_INFO = {
    "title": "kraken-book",
    "version": __version__,
    "summary": "Live, checksum-verified level-2 order books",
    "description": """\
Each `GET` also answers `HEAD`, with the same status and headers. Unknown parameters are a 400,
except for the page and its files. Bodies of requests are not read: the answer to a request with a
body is the last on its connection. A request head of more than 65,536 bytes is a 431 without a
body, a path of more than 1,024 bytes or a query of more than 32,768 bytes is a 414.

Prices and quantities are strings with all decimals: parse them as decimals, not as binary floats.
Absent values are `null`. Answers may get more members.

An api that requires keys takes them as `Authorization: Bearer`. A browser's `EventSource` cannot
send headers: it takes one `?ticket=`.
""",
    "license": {"name": "MIT", "identifier": "MIT"},
}

_HEADERS: dict[str, tuple[str, dict[str, Any], str]] = {
    "X-Request-ID": (
        "The id of the request, as in the log: your own if it is valid.",
        {"type": "string", "pattern": r"^[\w.:/+=-]{1,128}$"},
        "5f1c9b1e2d3a4c5b",
    ),
    "X-Book-Source": (
        "Where the books are from; `none` if no symbol is known.",
        {"type": "string"},
        "kraken",
    ),
    "X-Book-Age-Ms": (
        "The age of the book in milliseconds; absent if unknown.",
        {"type": "string", "pattern": "^[0-9]+$"},
        "134",
    ),
    "ETag": ("The version of the answer.", {"type": "string"}, 'W/"1785641751660-1042"'),
    "Cache-Control": ("How caches may keep the answer.", {"type": "string"}, "no-cache"),
    "WWW-Authenticate": (
        "How to send a key, and what is wrong with the one that was sent.",
        {"type": "string"},
        'Bearer realm="kraken-book", error="invalid_token"',
    ),
    "Vary": (
        "The request headers that the answer depends on.",
        {"type": "string"},
        "accept-encoding",
    ),
    "Content-Encoding": (
        "`zstd` or `gzip`, if the answer is long and the request accepts it.",
        {"type": "string", "enum": ["zstd", "gzip"]},
        "gzip",
    ),
    "X-Content-Type-Options": (
        "For browsers.",
        {"type": "string", "const": "nosniff"},
        "nosniff",
    ),
    "Content-Security-Policy": (
        "For browsers: no rights for data, its own files for a page.",
        {"type": "string"},
        "default-src 'none'; frame-ancestors 'none'",
    ),
    "Cross-Origin-Resource-Policy": (
        "For browsers; it concerns requests without CORS only.",
        {"type": "string", "const": "same-origin"},
        "same-origin",
    ),
    "Cross-Origin-Opener-Policy": (
        "For browsers.",
        {"type": "string", "const": "same-origin"},
        "same-origin",
    ),
    "Referrer-Policy": (
        "For browsers.",
        {"type": "string", "const": "no-referrer"},
        "no-referrer",
    ),
    "X-Frame-Options": (
        "For old browsers.",
        {"type": "string", "const": "SAMEORIGIN"},
        "SAMEORIGIN",
    ),
    "X-Events-First-Id": (
        "The id of the oldest event that the stream holds now; absent if there is none.",
        {"type": "string", "pattern": "^[0-9]+-[0-9]+$"},
        "1785638131660-1041",
    ),
    "X-Events-Last-Id": (
        "The id of the newest event that the stream holds now; absent if there is none.",
        {"type": "string", "pattern": "^[0-9]+-[0-9]+$"},
        "1785641751660-1042",
    ),
    "X-Events-Trimmed": (
        "Whether events between the start and the first event here may be gone.",
        {"type": "string", "enum": ["true", "false"]},
        "false",
    ),
    "Link": (
        'The address of the next page, `rel="next"`; absent if no event follows.',
        {"type": "string"},
        '<?after=1785641751660-1042&limit=100>; rel="next"',
    ),
    "X-Accel-Buffering": ("For nginx.", {"type": "string", "const": "no"}, "no"),
    "RateLimit-Policy": (
        "The limits of the client, if there are any: `q` in `w` seconds, or at once.",
        {"type": "string"},
        '"requests";q=600;w=60',
    ),
    "RateLimit": (
        "What is left of a limit, `r`, and when there is more, `t` in seconds.",
        {"type": "string"},
        '"requests";r=0;t=2',
    ),
    "Retry-After": (
        "Seconds after which to try again.",
        {"type": "string", "pattern": "^[0-9]+$"},
        "1",
    ),
}
_OPTIONAL_HEADERS = {
    *("X-Book-Age-Ms", "Content-Encoding", "RateLimit", "RateLimit-Policy"),
    *("X-Events-First-Id", "X-Events-Last-Id", "Link"),
}
_OF_ALL = (
    *("X-Request-ID", "X-Content-Type-Options", "Content-Security-Policy"),
    "Cross-Origin-Resource-Policy",
)
_OF_DATA = ("Vary", "Content-Encoding")
_OF_PAGES = ("Cross-Origin-Opener-Policy", "Referrer-Policy", "X-Frame-Options")
_REQUEST_HEADERS = {
    "RequestId": (
        "X-Request-ID",
        "Your own id of the request: 1 to 128 letters, digits and `_.:/+=-`; else it is replaced.",
        {"type": "string"},
        "order-4711",
    ),
    "IfNoneMatch": (
        "If-None-Match",
        "304 if the answer still has this `ETag`, and a book is `live`.",
        {"type": "string"},
        'W/"1785641751660-1042"',
    ),
}
_RESUME = "Resume after this id; browsers send it when they reconnect."
_BEARER, _TICKET = "bearer", "ticket"
_SECURITY_SCHEMES = {
    _BEARER: {
        "type": "http",
        "scheme": "bearer",
        "description": "A key or a token, if the api requires one.",
    },
    _TICKET: {
        "type": "apiKey",
        "in": "query",
        "name": TICKET,
        "description": "A ticket of `POST /tickets`, for one stream within 60 seconds.",
    },
}


def openapi_document(operations: Iterable[Operation] = OPERATIONS) -> dict[str, Any]:
    """Return the document; it is the same in each process."""
    operations = list(operations)
    types = [each.answer for each in operations if each.answer is not None]
    schemas, components = schemas_of([*types, ProblemAnswer, Event])
    by_type = dict(zip(map(repr, types), schemas, strict=False))
    for name, example in event_examples().items():
        components[name]["examples"] = [example]
    answers = answer_examples()
    problems = problem_examples()
    paths: dict[str, dict[str, Any]] = {}
    for each in operations:
        path = each.path.replace(":path}", "}")
        paths.setdefault(path, {})[each.method.lower()] = _operation(
            each, by_type.get(repr(each.answer)), answers.get(each)
        )
    return {
        "openapi": "3.1.0",
        "info": _INFO,
        # Relative to this document, so that it is right below any path.
        "servers": [{"url": "."}],
        "tags": [{"name": name, "description": text} for name, text in TAGS.items()],
        # An empty requirement, because most apis need no key.
        "security": [{}, {_BEARER: []}],
        "paths": paths,
        "components": {
            "schemas": components,
            "parameters": {
                key: {
                    "name": name,
                    "in": "header",
                    "description": text,
                    "schema": schema,
                    "example": example,
                }
                for key, (name, text, schema, example) in _REQUEST_HEADERS.items()
            },
            "headers": {
                name: {
                    "description": text,
                    "schema": schema,
                    "example": example,
                    "required": name not in _OPTIONAL_HEADERS,
                }
                for name, (text, schema, example) in _HEADERS.items()
            },
            "examples": {code: {"value": example} for code, example in problems.items()},
            "securitySchemes": _SECURITY_SCHEMES,
        },
    }


def _operation(operation: Operation, schema: Any, example: Any) -> dict[str, Any]:
    described = {
        "operationId": operation.id,
        "tags": [operation.tag],
        "summary": operation.summary,
        "description": operation.description,
        "parameters": [_parameter(each) for each in operation.parameters] + _common(operation),
        "responses": _responses(operation, schema, example),
    }
    if operation.is_public:
        described["security"] = [{}]
    if operation.takes_ticket:
        described["security"] = [{}, {_BEARER: []}, {_TICKET: []}]
    return {name: value for name, value in described.items() if value}


def _parameter(parameter: RouteParameter) -> dict[str, Any]:
    schema = parameter.schema
    described: dict[str, Any] = {
        "name": parameter.name,
        "in": "path" if parameter.is_in_path else "query",
        "required": parameter.is_required,
        "description": parameter.description,
        "schema": schema,
        "example": parameter.example,
    }
    if parameter.is_repeatable:
        described["schema"] = {"type": "array", "items": schema, "minItems": 1}
        described["example"] = [parameter.example]
    return described


def _common(operation: Operation) -> list[dict[str, Any]]:
    names = ["RequestId"]
    if operation.can_be_unchanged:
        names.append("IfNoneMatch")
    references = [{"$ref": f"#/components/parameters/{name}"} for name in names]
    return references + [
        {**_parameter(each), "name": "Last-Event-ID", "in": "header", "description": _RESUME}
        for each in operation.parameters
        if each in (EVENT_ID, WATERMARK)
    ]


def _responses(operation: Operation, schema: Any, example: Any) -> dict[str, Any]:
    # OpenAPI 3.1 has no schema for the events of a stream: its text is a string.
    is_stream = operation.media_type == EVENT_STREAM
    content: dict[str, Any] = {"schema": {"type": "string"} if is_stream else schema or {}}
    if is_stream:
        kinds = "an event: an `Update`, a `Snapshot`, a `StatusChange` or a `Lagged`"
        data = kinds if operation.answer is Event else "a whole answer"
        content["schema"]["description"] = f"Server-Sent Events. The `data` of each is {data}."
        # As `itemSchema` of OpenAPI 3.2.
        content["x-itemSchema"] = schema
    elif schema is None:
        content["schema"] = {} if operation.media_type.endswith("json") else {"type": "string"}
    if example is not None:
        content["example"] = example
    contents = {operation.media_type: content}
    if operation.line is not None:
        contents[NDJSON] = _lines(operation.line)
    headers = [*operation.headers, *_OF_ALL]
    if not is_stream:
        headers += _OF_DATA
    if operation.media_type == HTML:
        headers += _OF_PAGES
    responses = {
        str(operation.status): {
            "description": operation.summary,
            "headers": _header_refs(*headers, *_limit_headers(operation)),
            "content": contents,
        }
    }
    if operation.can_be_unchanged:
        responses["304"] = {
            "description": "The answer still has the tag in `If-None-Match`.",
            "headers": _header_refs(*operation.headers, "X-Request-ID", "Vary"),
        }
    codes = sorted(operation.all_problems, key=lambda code: (PROBLEM_KINDS[code].status, code))
    for status, group in groupby(codes, key=lambda code: PROBLEM_KINDS[code].status):
        responses[str(status)] = _problem(list(group))
    return responses


def _lines(line: Any) -> dict[str, Any]:
    """Return the content of an answer in NDJSON, for which OpenAPI 3.1 has no schema either."""
    return {
        "schema": {"type": "string", "description": "A JSON value in each line."},
        "x-itemSchema": {"$ref": REFERENCE.format(name=line.__name__)},
    }


def _problem(codes: list[str]) -> dict[str, Any]:
    kind = PROBLEM_KINDS[codes[0]]
    more: tuple[str, ...] = ("Retry-After",) if "retry_after" in kind.members else ()
    if kind.status == 429:
        more += ("RateLimit", "RateLimit-Policy")
    if codes[0].startswith("key-"):
        more = ("WWW-Authenticate",)
    return {
        "description": "; ".join(f"`{code}`: {PROBLEM_KINDS[code].condition}" for code in codes),
        "headers": _header_refs("Cache-Control", *more, *_OF_ALL, "Vary"),
        "content": {
            PROBLEM_JSON: {
                "schema": _PROBLEM,
                "examples": {code: {"$ref": f"#/components/examples/{code}"} for code in codes},
            }
        },
    }


def _limit_headers(operation: Operation) -> tuple[str, ...]:
    return ("RateLimit", "RateLimit-Policy") if operation.is_limited else ()


def _header_refs(*names: str) -> dict[str, Any]:
    return {name: {"$ref": f"#/components/headers/{name}"} for name in dict.fromkeys(names)}
