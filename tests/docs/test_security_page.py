"""docs/security.md lists the rights of each user of Redis as the configuration grants them."""

from __future__ import annotations

import re

import pytest

from lab.process import ROOT
from tests.docs.markdown import DOCS, section

ACL = (ROOT / "deploy" / "redis-acl.conf").read_text()
ROWS = re.findall(
    r"^\| `([\w-]+)` \| ([^|]+) \| ([^|]+) \|$",
    section((DOCS / "security.md").read_text(), "Users of Redis"),
    re.MULTILINE,
)
FOR_DATABASES_AND_CLUSTERS = {"select", "asking", "cluster|slots"}


def test_page_lists_every_user() -> None:
    users = set(re.findall(r"^user (\S+)", ACL, re.MULTILINE)) - {"default"}
    assert {user for user, _, _ in ROWS} == users


@pytest.mark.parametrize(("user", "keys", "commands"), ROWS)
def test_page_lists_the_rights_of_the_user(user: str, keys: str, commands: str) -> None:
    (line,) = re.findall(rf"^user {user} (.+)$", ACL, re.MULTILINE)
    rules = line.split()
    patterns = {rule.partition("~")[2] for rule in rules if "~" in rule}
    assert set(re.findall(r"`([^`]+)`", keys)) == patterns
    granted = {rule[1:] for rule in rules if rule.startswith("+")}
    listed = {each.lower().replace(" ", "|") for each in re.findall(r"`([^`]+)`", commands)}
    assert listed == granted - FOR_DATABASES_AND_CLUSTERS
    assert granted >= FOR_DATABASES_AND_CLUSTERS
