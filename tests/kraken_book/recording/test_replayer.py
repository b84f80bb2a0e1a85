"""A recording is written into Redis as a collector would write it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
from redis import Redis

from kraken_book.contract.book_hash import parse_book_hash
from kraken_book.contract.keys import SYMBOLS, book_key, events_key, lease_key
from kraken_book.contract.script import LEASE
from kraken_book.contract.symbol_state import decode_symbol_state
from kraken_book.errors import Unusable
from kraken_book.event import StatusChange, decode_event
from kraken_book.recording.reader import find_book_files
from kraken_book.recording.recorded import RecordedEvent
from kraken_book.recording.replay import TimeRange
from kraken_book.recording.replay_target import ReplayStopped, ReplayTarget
from kraken_book.recording.replay_url import check_url
from kraken_book.recording.replayer import Replayer, ReplayPlan
from kraken_book.verified_book import VerifiedBook
from tests.kraken_book.recording.made import START, events_of, write_file

BTC = "BTC/USD"


class Passes:
    """Ends a replay after some passes; waits by a clock of its own, which takes no time."""

    def __init__(self, passes: int = 1) -> None:
        self.left = passes
        self.replayer: Replayer | None = None
        self.now = 0.0

    @property
    def is_over(self) -> bool:
        return self.replayer is not None and self.replayer.passes > self.left

    def wait(self, seconds: float) -> None:
        self.now += seconds

    def clock(self) -> float:
        return self.now


@pytest.fixture
def url(request: pytest.FixtureRequest) -> str:
    is_real = request.node.get_closest_marker("real_redis") is not None
    return str(request.getfixturevalue("real_redis_url" if is_real else "fake_redis_url"))


@pytest.fixture
def redis(url: str) -> Iterator[Redis]:
    with Redis.from_url(url, decode_responses=True) as client:
        yield client


def replay_into(
    url: str,
    root: Path,
    passes: int = 1,
    span: TimeRange | None = None,
    patience: Passes | None = None,
    speed: float | None = None,
) -> Replayer:
    patience = patience or Passes(passes)
    target = ReplayTarget(url, patience, lease_wait=0.0)
    target.connect()
    plan = ReplayPlan(
        find_book_files([root]), span or TimeRange(), speed, lead_in=0.0, is_loop=passes > 1
    )
    patience.replayer = replayer = Replayer(plan, target, patience, clock=patience.clock)
    try:
        replayer.run()
    finally:
        target.close()
    return replayer


def entries(redis: Redis, symbol: str = BTC) -> list[dict[str, str]]:
    found: Any = redis.xrange(events_key(symbol))
    return [fields for _, fields in found]


def shown(redis: Redis, symbol: str = BTC) -> list[tuple[str, int, int]]:
    return [(each["kind"], int(each["epoch"]), int(each["seq"])) for each in entries(redis, symbol)]


def test_recorded_events_keep_their_positions_and_end_with_a_status(
    tmp_path: Path, url: str, redis: Redis
) -> None:
    write_file(tmp_path, events_of(BTC, first_seq=5))
    replay_into(url, tmp_path)
    assert shown(redis) == [
        ("snapshot", 7, 5), ("update", 7, 6), ("update", 7, 7), ("update", 7, 8), ("status", 7, 9),
    ]  # fmt: skip
    last = decode_event(entries(redis)[-1]["data"])
    assert isinstance(last, StatusChange)
    assert (last.status, last.reason) == ("syncing", "stopped")
    stored: Any = redis.hgetall(book_key(BTC))
    hashed = parse_book_hash(stored)
    assert hashed is not None
    assert hashed.snapshot is not None
    assert (hashed.status, hashed.source, hashed.stream_seq) == ("syncing", "replay", 9)
    field: Any = redis.hget(SYMBOLS, BTC)
    state = decode_symbol_state(field.encode())
    assert (state.status, state.reason, state.source) == ("syncing", "stopped", "replay")
    assert redis.get(lease_key("0/1")) is None, "the lease is given back"
    assert redis.xlen("kraken:wake") > 0


def stored_state(redis: Redis) -> tuple[str, str | None]:
    field: Any = redis.hget(SYMBOLS, BTC)
    state = decode_symbol_state(field.encode())
    return state.status, state.reason


def test_update_has_the_form_of_a_collector(tmp_path: Path, url: str, redis: Redis) -> None:
    write_file(tmp_path, events_of(BTC))
    replay_into(url, tmp_path)
    assert entries(redis)[1]["data"] == (
        '{"symbol":"BTC/USD","kind":"update","seq":2,"epoch":7,'
        '"best_bid":{"price":"101.0","qty":"1.00000000"},'
        '"best_ask":{"price":"200.0","qty":"2.50000000"},"spread":"99.0",'
        '"bids":[["101.0","1.00000000"]],"asks":[["200.0","2.50000000"]],'
        f'"checksum":{decode_checksum(entries(redis)[1])},'
        '"exchange_time":"2026-11-27T18:00:00.000001Z",'
        '"received_at":"2026-11-27T18:00:00.000002Z"}'
    )


def decode_checksum(entry: dict[str, str]) -> int:
    checksum: int = msgspec.json.decode(entry["data"])["checksum"]
    return checksum


def test_each_further_pass_and_replay_has_a_newer_epoch_and_higher_seqs(
    tmp_path: Path, url: str, redis: Redis
) -> None:
    write_file(tmp_path, events_of(BTC))
    replay_into(url, tmp_path, passes=2)
    replay_into(url, tmp_path)
    found = shown(redis)
    positions = [(epoch, seq) for _, epoch, seq in found]
    assert positions == sorted(set(positions))
    seqs = [seq for _, _, seq in found]
    assert seqs == sorted(set(seqs)), "the script takes only higher seqs"
    assert [epoch for kind, epoch, _ in found if kind == "snapshot"][:2] == [7, 8]
    assert len({epoch for _, epoch, _ in found}) >= 3
    book = VerifiedBook(BTC)
    for each in entries(redis):
        book.apply(decode_event(each["data"]))
    assert book.counts.doubts == book.counts.repeated == 0


def test_gap_of_the_recording_is_a_snapshot_with_the_number(
    tmp_path: Path, url: str, redis: Redis
) -> None:
    before = events_of(BTC)
    after = events_of(BTC, first_seq=9, start=START + 10_000)
    write_file(tmp_path, [*before, *after])
    replay_into(url, tmp_path)
    assert shown(redis)[4:7] == [("snapshot", 7, 9), ("update", 7, 10), ("update", 7, 11)]
    assert msgspec.json.decode(entries(redis)[4]["data"])["conflated"] == 4


def test_events_of_api_and_recorder_are_not_written(tmp_path: Path, url: str, redis: Redis) -> None:
    events = events_of(BTC)
    gone = StatusChange(BTC, None, None, "stale", "disconnected", "2026-11-27T18:00:00Z")
    lost = RecordedEvent(event=gone, recorded_at=START + 1500, is_verified=False)
    again = msgspec.structs.replace(
        events_of(BTC, updates=0)[0], recorded_at=START + 1700, is_continued=True
    )
    write_file(tmp_path, [*events[:2], lost, again, *events[1:]])
    replay_into(url, tmp_path)
    assert [seq for *_, seq in shown(redis)] == [1, 2, 3, 4, 5]


def test_event_that_does_not_verify_is_left_out_until_the_next_snapshot(
    tmp_path: Path, url: str, redis: Redis
) -> None:
    events = events_of(BTC)
    wrong = RecordedEvent(
        event=msgspec.structs.replace(events[2].event, checksum=1),
        recorded_at=START + 2000,
        is_verified=False,
    )
    after = events_of(BTC, first_seq=3, start=START + 10_000)
    write_file(tmp_path, [*events[:2], wrong, events[3], *after])
    replay_into(url, tmp_path)
    assert shown(redis)[:5] == [
        ("snapshot", 7, 1), ("update", 7, 2), ("snapshot", 7, 3), ("update", 7, 4), ("update", 7, 5)
    ]  # fmt: skip


def test_part_of_a_recording_begins_with_the_book_at_that_time(
    tmp_path: Path, url: str, redis: Redis
) -> None:
    write_file(tmp_path, events_of(BTC, updates=9))
    replay_into(url, tmp_path, span=TimeRange(START + 3500, START + 6500))
    kinds = [(kind, seq) for kind, _, seq in shown(redis)]
    assert kinds[:4] == [("snapshot", 4), ("update", 5), ("update", 6), ("update", 7)]
    assert len(kinds) == 5


class Loses(Passes):
    """Deletes a book after its event with a seq was read from the files."""

    def __init__(self, redis: Redis, seq: int) -> None:
        super().__init__()
        self._redis = redis
        self._at = START + (seq - 1) * 1000
        self.lost: list[tuple[str, int, int]] = []

    @property
    def is_over(self) -> bool:
        if not self.lost and self.replayer is not None and self.replayer.at == self._at:
            self.lost = shown(self._redis)
            self._redis.delete(events_key(BTC), book_key(BTC))
        return super().is_over


def test_stream_that_was_lost_continues_with_a_snapshot(
    tmp_path: Path, url: str, redis: Redis
) -> None:
    write_file(tmp_path, events_of(BTC, updates=90))
    patience = Loses(redis, 35)
    replay_into(url, tmp_path, patience=patience, speed=1.0)
    assert [seq for *_, seq in patience.lost] == list(range(1, 30)), "30 to 35 wait"
    found = shown(redis)
    # The next call writes what waited and what came until then, as one snapshot.
    assert found[0] == ("snapshot", 7, 39)
    assert found[1:-1] == [("update", 7, seq) for seq in range(40, 92)]
    assert found[-1] == ("status", 7, 92)


def test_stream_that_was_lost_after_its_last_update_has_only_the_end(
    tmp_path: Path, url: str, redis: Redis
) -> None:
    write_file(tmp_path, events_of(BTC, updates=90))

    class LosesAtTheEnd(Loses):
        @property
        def is_over(self) -> bool:
            return redis.xlen(events_key(BTC)) == 91 and super().is_over

    replay_into(url, tmp_path, patience=LosesAtTheEnd(redis, 91), speed=1.0)
    assert shown(redis) == [("status", 7, 92)]
    assert stored_state(redis) == ("syncing", "stopped")


def test_stream_that_was_lost_with_a_book_that_does_not_verify_has_only_the_end(
    tmp_path: Path, url: str, redis: Redis
) -> None:
    events = events_of(BTC, updates=90)
    wrong = msgspec.structs.replace(events[36].event, checksum=1)
    events[36] = RecordedEvent(event=wrong, recorded_at=events[36].recorded_at, is_verified=False)
    write_file(tmp_path, events)
    # The book is refused before the loss is noticed, so there is no snapshot to continue with.
    replay_into(url, tmp_path, patience=Loses(redis, 35), speed=1.0)
    assert shown(redis) == [("status", 7, 37)]
    assert stored_state(redis) == ("syncing", "checksum")


def test_replay_is_refused_while_another_program_leads(
    tmp_path: Path, url: str, redis: Redis
) -> None:
    write_file(tmp_path, events_of(BTC))
    redis.eval(LEASE.text, 1, lease_key("0/1"), "host:1:aa", 60_000, 0)
    with pytest.raises(ReplayStopped, match=r"host:1:aa leads shard 0/1: stop this collector"):
        replay_into(url, tmp_path)
    assert entries(redis) == []
    redis.delete(lease_key("0/1"))
    redis.hset("kraken:feed", "1/2", "{}")
    redis.eval(LEASE.text, 1, lease_key("1/2"), "host:2:bb", 60_000, 0)
    with pytest.raises(ReplayStopped, match="host:2:bb leads shard 1/2"):
        replay_into(url, tmp_path)


def test_replay_ends_if_another_program_writes_a_newer_epoch(
    tmp_path: Path, url: str, redis: Redis
) -> None:
    write_file(tmp_path, events_of(BTC, updates=90))

    class Fenced(Passes):
        """Has another program write while the recording is replayed."""

        @property
        def is_over(self) -> bool:
            if redis.xlen(events_key(BTC)) > 5:
                redis.hset(book_key(BTC), "stream_epoch", "99")
            return super().is_over

    with pytest.raises(ReplayStopped, match=r"another program has written a newer epoch \(99\)"):
        replay_into(url, tmp_path, patience=Fenced(), speed=1.0)


@pytest.mark.real_redis  # fakeredis has no such error
def test_key_of_another_type_ends_the_replay_and_is_named(
    tmp_path: Path, url: str, redis: Redis
) -> None:
    write_file(tmp_path, events_of(BTC))
    redis.set(events_key(BTC), "x")
    with pytest.raises(ReplayStopped, match=r"does not write BTC/USD: CORRUPT .*is no stream"):
        replay_into(url, tmp_path)


def test_redis_that_does_not_answer_is_named_without_its_password() -> None:
    target = ReplayTarget("redis://:secret@127.0.0.1:1", Passes())
    with pytest.raises(ReplayStopped, match=r"redis://:\*\*\*@127.0.0.1:1 does not answer"):
        target.connect()


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("redis+cluster://h:1", "not into a cluster"),
        ("redis+sentinel://:pw@h:1/m", "Sentinels: use redis://host:port/db"),
        ("http://h", "is no URL of a Redis server"),
    ],
)
def test_url_of_another_kind_is_refused(url: str, words: str) -> None:
    with pytest.raises(Unusable, match=words) as caught:
        check_url(url)
    assert "pw" not in str(caught.value)


@pytest.mark.real_redis  # fakeredis has no users
def test_password_is_read_from_the_file_in_the_url(tmp_path: Path, url: str, redis: Redis) -> None:
    write_file(tmp_path / "recording", events_of(BTC))
    redis.acl_setuser("replayer", enabled=True, passwords="+s3cret", keys="*", commands=["+@all"])
    file = tmp_path / "password"
    file.write_text("s3cret\n")
    named = f"{url.replace('://', '://replayer@')}?password_file={file}"
    try:
        replay_into(named, tmp_path / "recording")
        assert shown(redis)[-1] == ("status", 7, 5)
        file.write_text("another")
        with pytest.raises(ReplayStopped, match="invalid username-password pair") as refused:
            ReplayTarget(named, Passes()).connect()
        assert "another" not in str(refused.value)
    finally:
        redis.acl_deluser("replayer")


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("redis://u:pw@h?password_file=/no/such", r"redis://u:\*\*\*@h.*/no/such is not a file"),
        ("redis://:pw@h?colour=red", r"redis://:\*\*\*@h\?colour=red: .*'colour'"),
    ],
)
def test_parameter_that_cannot_be_used_is_named(url: str, words: str) -> None:
    with pytest.raises(Unusable, match=words) as caught:
        ReplayTarget(url, Passes())
    assert "pw" not in str(caught.value)


def test_url_with_an_invalid_port_is_refused() -> None:
    for url in ("redis://h:99999", "redis://h?port=99999"):
        with pytest.raises(Unusable, match=r"99999 is not a port|ort out of range"):
            ReplayTarget(url, Passes())


def test_replay_of_several_venues_writes_the_keys_of_each(
    url: str, redis: Redis, tmp_path: Path
) -> None:
    for symbol in (BTC, "binance:BTC/USDT"):
        write_file(tmp_path, events_of(symbol=symbol))
    replay_into(url, tmp_path)
    assert redis.smembers("kraken-book:venues") == {"kraken", "binance"}
    assert redis.hkeys("binance:symbols") == ["BTC/USDT"]
    assert redis.hget("binance:book:{BTC/USDT}", "symbol") == "binance:BTC/USDT"
    assert redis.hkeys("kraken:symbols") == ["BTC/USD"]
    assert redis.xlen("binance:wake") > 0
    assert not redis.exists("binance:lease:{0/1}")
