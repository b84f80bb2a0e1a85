"""Redis URLs: their forms and their faults."""

from __future__ import annotations

from pathlib import Path

import pytest

from runtime.redis.url import Address, check_redis_url, parse_redis_url


@pytest.mark.parametrize(
    "url",
    [
        "redis://127.0.0.1:6379/0",
        "redis://localhost",
        "redis://:secret@redis:6379/15",
        "redis://user:secret@redis/",
        "rediss://redis.example:6380/0",
        "rediss://redis.example:6380/0?ssl_check_hostname=false",
        "redis://[::1]:6379/0",
        "redis://redis?client_name=books&protocol=3",
        "unix:///run/redis.sock",
        "unix:///run/redis.sock?db=2",
        "redis+sentinel://a,b:26380,[::1]/books",
        "redis+sentinel://me:secret@a:1,b:2/books/3",
        "rediss+sentinel://a/books?ssl_check_hostname=false",
        "redis+cluster://a,b:6380",
        "redis+cluster://me:secret@a:1,b:2/",
        "rediss+cluster://a:1/0",
    ],
)
def test_check_accepts_every_form_of_redis_url(url: str) -> None:
    assert check_redis_url(url) == url


@pytest.mark.parametrize(
    "url",
    [
        "",
        "localhost:6379",
        "http://localhost",
        "redis://",
        "redis:///0",
        "redis://localhost:99999",
        "redis://localhost:0",
        "redis://localhost:port",
        "redis://localhost/first",
        "redis://[::1",
        "unix://",
        "redis+sentinels://a/books",
        "http+cluster://a",
    ],
)
def test_check_refuses_other_urls_with_the_valid_forms(url: str) -> None:
    with pytest.raises(ValueError, match=r"use redis://host:port/db, rediss://"):
        check_redis_url(url)


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("redis+sentinel://a:1,b:2", r"name of the master is missing; use redis\+sentinel://"),
        ("redis+sentinel:///books", r"host or port is missing; use redis\+sentinel://"),
        ("redis+sentinel://a,,b/books", r"host or port is missing; use redis\+sentinel://"),
        ("redis+sentinel://a:x/books", r"a port must be a number .*; use redis\+sentinel://"),
        ("redis+sentinel://a/books/x", r"'x' is not a database number; use redis\+sentinel://"),
        ("redis+cluster://", r"host or port is missing; use redis\+cluster://"),
        ("redis+cluster://a:70000", r"a port must be a number .*; use redis\+cluster://"),
        ("redis+cluster://a/1", r"a cluster has no databases.*; use redis\+cluster://"),
        ("redis://a?passwordfile=x", r"\?passwordfile= is not a parameter"),
        ("redis://a?password_file=/no/such", r"\?password_file=/no/such is not a file"),
        ("redis://u:p@a?password_file=/etc/passwd", r"two passwords; remove the one before"),
        ("redis+sentinel://a/m?password_file=/no", r"\?password_file=/no is not a file"),
        ("redis+cluster://a?nodes=3", r"\?nodes= is not a parameter"),
        ("rediss://a?ssl_ca_certs=/no/such.pem", r"\?ssl_ca_certs=/no/such.pem is not a file"),
        ("redis://a?ssl_ca_certs=/etc/passwd", r"\?ssl_ca_certs= is for TLS only.*rediss://"),
        ("redis://a?port=99999", r"a port must be a number from 1 to 65535; correct \?port="),
        ("redis://a?port=x", r"a port must be a number from 1 to 65535; correct \?port="),
        ("redis://a?protocol=three", r"Invalid value for 'protocol'"),
    ],
)
def test_check_refuses_invalid_part_with_fault_and_remedy(url: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        check_redis_url(url)


def test_check_does_not_show_a_password_with_a_slash() -> None:
    with pytest.raises(ValueError, match="a port must be a number") as refusal:
        check_redis_url("redis://:sec/ret@a/0")
    assert "sec" not in str(refusal.value)


def test_parse_returns_the_parts_of_a_sentinel_url(tmp_path: Path) -> None:
    authority = tmp_path / "ca.pem"
    authority.touch()
    url = f"rediss+sentinel://me:s%2Fe%7B@a,[::1]:5/my%20books/3?ssl_ca_certs={authority}"
    parsed = parse_redis_url(url)
    assert parsed.addresses == (Address("a", 26379), Address("::1", 5))
    assert parsed.master == "my books"
    node = parsed.node(Address("::1", 6379))
    assert node == f"rediss://me:s%2Fe%7B@[::1]:6379/3?ssl_ca_certs={authority}"


def test_parse_returns_the_parts_of_a_cluster_url() -> None:
    parsed = parse_redis_url("redis+cluster://me:{secret}@a,b:5?protocol=3")
    assert parsed.addresses == (Address("a", 6379), Address("b", 5))
    assert parsed.master == ""
    assert parsed.node(Address("c", 7)) == "redis://me:{secret}@c:7/0?protocol=3"
