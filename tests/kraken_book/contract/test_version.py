"""The version of the contract in reports, and the recognition of a newer one."""

from __future__ import annotations

import re
from pathlib import Path

import msgspec
import pytest

from kraken_book.contract.version import CONTRACT, ContractVersion, newer_contract

PAGE = Path(__file__).parents[3] / "docs" / "contract.md"


@pytest.mark.parametrize(
    "report",
    ["{}", '{"contract":"1.0"}', '{"contract":"1.1"}', '{"contract":"1.999"}', "[]", "no JSON", ""],
)
def test_report_of_the_same_major_version_or_no_report_is_not_newer(report: str) -> None:
    assert newer_contract(report.encode()) is None


@pytest.mark.parametrize(
    "report",
    [b'{"contract":"\xff"}', b'{"contract":' + b"[" * 5000 + b"]" * 5000 + b"}", b"\xff"],
    ids=["no UTF-8", "deep", "no JSON"],
)
def test_report_that_cannot_be_decoded_is_no_report(report: bytes) -> None:
    assert newer_contract(report) is None


@pytest.mark.parametrize(
    ("contract", "shown"),
    [("2.0", "2.0"), ("10.3", "10.3"), ("1.1-beta", "1.1-beta"), (2, "2"), ("x" * 99, "x" * 32)],
)
def test_greater_major_version_and_unknown_form_are_newer(contract: object, shown: str) -> None:
    assert newer_contract(msgspec.json.encode({"contract": contract})) == shown


def test_older_major_version_is_not_newer() -> None:
    assert newer_contract(b'{"contract":"1.9"}', known=ContractVersion(2, 0)) is None


def test_contract_page_has_the_version_and_its_changes() -> None:
    text = PAGE.read_text()
    assert f"This is version {CONTRACT} of the contract." in text
    rows = re.findall(r"^\| (\d+\.\d+) \| \S", text, re.MULTILINE)
    assert rows[-1] == str(CONTRACT)
