"""The metrics and labels that an expression of PromQL asks for."""

from __future__ import annotations

import re
from typing import NamedTuple

_TOKEN = re.compile(
    r"""(?P<text>"(?:[^"\\]|\\.)*")|(?P<range>\[[^\]]*\])|(?P<number>\d[\w.]*)"""
    r"""|(?P<name>[A-Za-z_:][\w:]*)|(?P<sign>=~|!~|!=|>=|<=|==|[-+*/%^(){},=<>])|(?P<space>\s+)"""
)
_GROUPS = {"by", "without", "on", "ignoring", "group_left", "group_right"}
_WORDS = {"and", "or", "unless", "bool", "offset", "inf", "nan"}


class Selector(NamedTuple):
    """One metric with its matchers, as (label, operator, text)."""

    metric: str
    matchers: list[tuple[str, str, str]]


class Query(NamedTuple):
    """The selectors of an expression, and the labels by which it groups or joins."""

    selectors: list[Selector]
    labels: set[str]


def parse(expression: str) -> Query:
    """Return the metrics and labels of an expression.

    Raises:
        ValueError: It has something that is no PromQL, or nothing that is a metric.
    """
    tokens = _tokens(expression)
    query = Query([], set())
    at = 0
    while at < len(tokens):
        kind, text = tokens[at]
        following = tokens[at + 1][1] if at + 1 < len(tokens) else ""
        at += 1
        if kind != "name":
            if text == "{":
                raise ValueError(f"matchers without a metric: {expression}")
            continue
        if text in _GROUPS:
            if following == "(":
                end = _end(tokens, at, ")")
                query.labels.update(word for _, word in tokens[at + 1 : end] if word != ",")
                at = end + 1
        elif text not in _WORDS and following not in ("(", "by", "without"):
            selector = Selector(text, [])
            if following == "{":
                end = _end(tokens, at, "}")
                words = [word for _, word in tokens[at + 1 : end] if word != ","]
                for label, operator, value in zip(*[iter(words)] * 3, strict=True):
                    selector.matchers.append((label, operator, value.strip('"')))
                at = end + 1
            query.selectors.append(selector)
    if not query.selectors:
        raise ValueError(f"no metric: {expression}")
    return query


def _tokens(expression: str) -> list[tuple[str, str]]:
    tokens: list[tuple[str, str]] = []
    at = 0
    while at < len(expression):
        found = _TOKEN.match(expression, at)
        if found is None:
            raise ValueError(f"no PromQL at {expression[at:]!r}")
        at = found.end()
        if found.lastgroup not in ("space", "range"):
            tokens.append((str(found.lastgroup), found.group()))
    return tokens


def _end(tokens: list[tuple[str, str]], begin: int, closing: str) -> int:
    return next(at for at in range(begin, len(tokens)) if tokens[at][1] == closing)
