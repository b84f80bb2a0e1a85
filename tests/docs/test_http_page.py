"""docs/http.md has each route, problem code and reason of the api."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from typing import get_args

from api.http.operations import OPERATIONS
from api.http.problem_kinds import PROBLEM_KINDS
from api.http.spec.openapi import openapi_document
from api.store import errors
from kraken_book.event import LaggedReason
from lab.process import ROOT
from tests.contract_reasons import contract_reasons
from tests.docs.markdown import DOCS, section

PAGE = (DOCS / "http.md").read_text()
CODE = re.compile(r"^\| `([a-z-]+)` \| \d{3} \|", re.MULTILINE)
ROW = re.compile(r"^\| `([a-z-]+)` \| (\d{3}) \| (.*?)(?:, see \[.*?)? \| (.*)\|$", re.MULTILINE)


def texts_of_api() -> Iterator[str]:
    """Yield each string constant of the api."""
    for path in (ROOT / "api").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                yield node.value


def test_http_page_has_each_route() -> None:
    named = {f"{each.method} {each.path.replace(':path}', '}')}" for each in OPERATIONS}
    listed = re.findall(r"`(?:(GET|POST) )?(/[^`?]*)[^`]*`\]\(#", PAGE)
    assert {f"{method or 'GET'} {path}" for method, path in listed} == named


def test_http_page_has_each_error_of_the_store() -> None:
    classes = [each for each in vars(errors).values() if isinstance(each, type)]
    codes = {
        each.code for each in classes if issubclass(each, errors.ApiError) and "code" in vars(each)
    }
    waits = {"too-many-choices", "no-room"}
    assert codes - waits <= set(CODE.findall(section(PAGE, "Errors")))
    assert waits <= set(re.findall(r"`([a-z-]+)`", section(PAGE, "Streams that wait")))


def test_codes_of_http_page_are_those_of_the_api() -> None:
    codes = CODE.findall(section(PAGE, "Errors"))
    assert len(codes) >= 13
    assert set(codes) - set(texts_of_api()) == set()


def test_http_page_and_openapi_have_the_same_problems() -> None:
    rows = {
        code: (int(status), condition, sorted(re.findall(r"`(\w+)`", members)))
        for code, status, condition, members in ROW.findall(section(PAGE, "Errors"))
    }
    assert rows == {
        code: (kind.status, kind.condition, sorted(kind.members))
        for code, kind in PROBLEM_KINDS.items()
    }


def test_http_page_and_openapi_have_the_same_response_headers() -> None:
    table = PAGE.partition("**Response headers**\n\n")[2].partition("\n\n")[0]
    rows = re.findall(r"^\| (`.*?) \|", table, re.MULTILINE)
    named = {name for row in rows for name in re.findall(r"`([\w-]+)`", row)}
    # Answers to other methods and to other paths belong to no operation.
    assert named - {"Allow", "Location"} == set(openapi_document()["components"]["headers"])


def test_http_page_has_each_reason_of_the_contract() -> None:
    named = set(re.findall(r"`([a-z -]+)`", section(PAGE, "Status of a book")))
    assert set(contract_reasons()) - named == set()


def test_http_page_has_each_reason_of_lagged() -> None:
    named = set(re.findall(r"^\| `(\w+)` \|", section(PAGE, "lagged"), re.MULTILINE))
    assert named - {"reason"} == set(get_args(LaggedReason))
