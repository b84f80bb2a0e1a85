"""Passwords in URLs of Redis are hidden, or in a file."""

from __future__ import annotations

import pytest

from kraken_book.redis_url import without_password, without_password_file


@pytest.mark.parametrize(
    ("url", "plain", "user"),
    [
        ("redis://us%2Fer@h:1/3?password_file=/p%20q", "redis://h:1/3", "us/er"),
        ("rediss://h?password_file=/p q&ssl_ca_certs=/c", "rediss://h?ssl_ca_certs=%2Fc", ""),
        ("unix://user@/run/redis?db=1&password_file=/p q", "unix:///run/redis?db=1", "user"),
    ],
)
def test_password_file_is_split_from_a_url(url: str, plain: str, user: str) -> None:
    assert without_password_file(url) == (plain, user, "/p q")


def test_url_without_password_file_stays_as_it_is() -> None:
    url = "redis://me:%73ecret@h/0?protocol=3"
    assert without_password_file(url) == (url, "", "")


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("redis://:secret@redis/0", "redis://:***@redis/0"),
        ("redis://me:secret@redis:6379/0", "redis://me:***@redis:6379/0"),
        ("redis://me:sec:ret@redis:6379/0", "redis://me:***@redis:6379/0"),
        ("redis://me:sec/r@t@redis/0", "redis://me:***@redis/0"),
        ("redis://redis:6379/0", "redis://redis:6379/0"),
        ("unix:///run/redis.sock", "unix:///run/redis.sock"),
        ("unix:///run/redis.sock?password=secret&db=1", "unix:///run/redis.sock?password=***&db=1"),
        ("rediss://h/?ssl_password=secret", "rediss://h/?ssl_password=***"),
        ("redis+sentinel://me:secret@a:1,b:2/books", "redis+sentinel://me:***@a:1,b:2/books"),
        ("redis+cluster://:secret@a:1,b:2", "redis+cluster://:***@a:1,b:2"),
        ("redis+cluster://a:1,b:2", "redis+cluster://a:1,b:2"),
    ],
)
def test_without_password_hides_every_password(url: str, shown: str) -> None:
    assert without_password(url) == shown
