"""The session of one connection, frame by frame, without a socket."""

from __future__ import annotations

import json
import re

import pytest

from simulator.protocols.kraken.session import ServerSession
from tests.simulator.helpers import Inbox, exchange, parse

TIMES = (
    r'"time_in":"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z",'
    r'"time_out":"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z"'
)


class Client:
    """A session with two markets, and the inbox of its frames."""

    def __init__(self) -> None:
        self.exchange = exchange("BTC/USD", "MINA/GBP")
        self.inbox = Inbox()
        self.session = ServerSession(self.exchange, self.inbox, 2**64 - 1)

    def ask(self, message: object) -> list[str]:
        self.session.receive(message if isinstance(message, str) else json.dumps(message))
        return self.inbox.take()

    def book(self, method: str, *symbols: str, **rest: object) -> list[str]:
        req_id = rest.pop("req_id", None)
        numbered = {} if req_id is None else {"req_id": req_id}
        params = {"channel": "book", "symbol": symbols, **rest}
        return self.ask({"method": method, "params": params, **numbered})

    def admitted(self) -> list[str]:
        # On a busy machine one call may not reach all waiting subscribers.
        for _ in range(100):
            if self.exchange.admit():
                break
        return self.inbox.take()


@pytest.fixture
def client() -> Client:
    return Client()


def matches(text: str, pattern: str) -> bool:
    """Return whether a text equals the pattern, in which only TIMES is a regular expression."""
    return bool(re.fullmatch(re.escape(pattern).replace("TIMES", TIMES), text))


def test_status_frame_as_kraken_writes_it(client: Client) -> None:
    client.session.send_status()
    assert client.inbox.take() == [
        '{"channel":"status","type":"update","data":[{"version":"2.0.10","system":"online",'
        '"api_version":"v2","connection_id":18446744073709551615}]}'
    ]


def test_subscribe_sends_one_ack_and_one_snapshot_for_each_symbol(client: Client) -> None:
    acks = client.book("subscribe", "BTC/USD", "MINA/GBP", depth=25)
    assert matches(
        acks[0],
        '{"method":"subscribe","result":{"channel":"book","depth":25,"snapshot":true,'
        '"symbol":"BTC/USD"},"success":true,TIMES}',
    )
    assert [parse(text)["result"]["symbol"] for text in acks] == ["BTC/USD", "MINA/GBP"]
    snapshots = [parse(text) for text in client.admitted()]
    assert [frame["type"] for frame in snapshots] == ["snapshot"] * 2
    assert [frame["data"][0]["symbol"] for frame in snapshots] == ["BTC/USD", "MINA/GBP"]
    assert [len(frame["data"][0]["bids"]) for frame in snapshots] == [25, 4]


def test_req_id_is_echoed_in_acks_and_errors(client: Client) -> None:
    ack, error = client.book("subscribe", "BTC/USD", "XBT/EUR", req_id=7)
    assert ack.startswith('{"method":"subscribe","req_id":7,"result":{')
    assert error == (
        '{"error":"Currency pair not supported XBT/EUR","method":"subscribe","req_id":7,'
        '"success":false,"symbol":"XBT/EUR"}'
    )


def test_unknown_pair_is_refused_without_affecting_others(client: Client) -> None:
    answers = client.book("subscribe", "XBT/EUR", "BTC/USD")
    assert answers[0] == (
        '{"error":"Currency pair not supported XBT/EUR","method":"subscribe","success":false,'
        '"symbol":"XBT/EUR"}'
    )
    assert parse(answers[1])["success"]


def test_unknown_depth_is_refused_once_for_each_request(client: Client) -> None:
    (answer,) = client.book("subscribe", "BTC/USD", "MINA/GBP", depth=50)
    assert matches(
        answer,
        '{"error":"Subscription depth not supported","method":"subscribe","success":false,TIMES}',
    )
    assert client.admitted() == []


@pytest.mark.parametrize("depth", [10, 25])
def test_second_subscription_of_a_symbol_is_refused_at_any_depth(
    client: Client, depth: int
) -> None:
    client.book("subscribe", "BTC/USD", depth=10)
    (answer,) = client.book("subscribe", "BTC/USD", depth=depth, req_id=2)
    assert matches(
        answer,
        '{"error":"Already subscribed","method":"subscribe","req_id":2,"success":false,'
        '"symbol":"BTC/USD",TIMES}',
    )
    assert len(client.admitted()) == 1


def test_subscription_without_snapshot_gets_updates_only(client: Client) -> None:
    (ack,) = client.book("subscribe", "BTC/USD", depth=1000, snapshot=False)
    assert parse(ack)["result"]["snapshot"] is False
    assert client.admitted() == []
    client.exchange.move("BTC/USD")
    (update,) = client.inbox.take()
    assert parse(update)["type"] == "update"


def test_unsubscribe_ends_the_updates(client: Client) -> None:
    client.book("subscribe", "BTC/USD", depth=1000)
    client.admitted()
    (ack,) = client.book("unsubscribe", "BTC/USD", depth=1000)
    assert matches(
        ack,
        '{"method":"unsubscribe","result":{"channel":"book","depth":1000,"symbol":"BTC/USD"},'
        '"success":true,TIMES}',
    )
    client.exchange.move("BTC/USD")
    assert client.inbox.take() == []


def test_repeated_resubscriptions_get_all_acks_and_one_snapshot(client: Client) -> None:
    for _ in range(3):
        client.book("subscribe", "BTC/USD")
        (ack,) = client.book("unsubscribe", "BTC/USD")
        assert parse(ack)["success"]
    client.book("subscribe", "BTC/USD")
    assert len(client.admitted()) == 1


def test_snapshot_is_not_sent_before_its_time(client: Client) -> None:
    client.book("subscribe", "BTC/USD")
    assert not client.exchange.admit(waited=60)
    assert client.inbox.take() == []
    assert client.exchange.admit(waited=0)
    assert len(client.inbox.take()) == 1


@pytest.mark.parametrize("subscribed", [True, False])
def test_unsubscribe_without_subscription_is_refused(client: Client, subscribed: bool) -> None:
    if subscribed:
        client.book("subscribe", "BTC/USD", depth=25)
    (answer,) = client.book("unsubscribe", "BTC/USD", depth=10)
    assert matches(
        answer,
        '{"error":"Subscription Not Found","method":"unsubscribe","success":false,'
        '"symbol":"BTC/USD",TIMES}',
    )


def test_ping_is_answered(client: Client) -> None:
    (pong,) = client.ask('{"method":"ping","req_id":101}')
    assert matches(pong, '{"method":"pong","req_id":101,TIMES}')
    (pong,) = client.ask('{"method":"ping"}')
    assert matches(pong, '{"method":"pong",TIMES}')


def test_instrument_subscription_gets_an_ack_with_warnings_and_the_pairs(client: Client) -> None:
    ack, snapshot = client.ask(
        '{"method":"subscribe","params":{"channel":"instrument"},"req_id":79}'
    )
    assert matches(
        ack,
        '{"method":"subscribe","req_id":79,"result":{"channel":"instrument","snapshot":true,'
        '"warnings":["tick_size is deprecated, use price_increment"]},"success":true,TIMES}',
    )
    pairs = json.loads(snapshot)["data"]["pairs"]
    assert [pair["symbol"] for pair in pairs] == ["BTC/USD", "MINA/GBP"]
    (again,) = client.ask('{"method":"subscribe","params":{"channel":"instrument"}}')
    assert parse(again)["error"] == "Already subscribed"
    (ack,) = client.ask('{"method":"unsubscribe","params":{"channel":"instrument"}}')
    assert parse(ack)["success"]
    (error,) = client.ask('{"method":"unsubscribe","params":{"channel":"instrument"}}')
    assert parse(error)["error"] == "Subscription Not Found"


@pytest.mark.parametrize(
    ("message", "answer"),
    [
        ("{nonsense", '{"error":"Malformed request","success":false,TIMES}'),
        ("[1]", '{"error":"Malformed request","success":false,TIMES}'),
        (
            '{"method":"subscribe","params":{"channel":"book","symbol":"BTC/USD"},"req_id":4}',
            '{"error":"Malformed request","method":"subscribe","req_id":4,"success":false,TIMES}',
        ),
        (
            '{"method":"subscribe"}',
            '{"error":"Malformed request","method":"subscribe","success":false,TIMES}',
        ),
        (
            '{"method":"dance","req_id":5}',
            '{"error":"Unknown method dance","method":"dance","req_id":5,"success":false,TIMES}',
        ),
        (
            '{"method":"subscribe","params":{"channel":"gossip"}}',
            '{"error":"Unknown channel gossip","method":"subscribe","success":false,TIMES}',
        ),
        (
            '{"method":"subscribe","params":{"channel":"book"}}',
            '{"error":"Symbol(s) not given","method":"subscribe","success":false,TIMES}',
        ),
    ],
)
def test_malformed_request_gets_an_error(client: Client, message: str, answer: str) -> None:
    (text,) = client.ask(message)
    assert matches(text, answer)


def test_heartbeats_start_with_the_first_subscription(client: Client) -> None:
    client.session.beat()
    assert client.inbox.take() == []
    client.book("subscribe", "BTC/USD")
    client.session.beat()
    assert client.inbox.take() == ['{"channel":"heartbeat"}']


def test_closed_session_sends_nothing(client: Client) -> None:
    client.book("subscribe", "BTC/USD", depth=1000)
    client.admitted()
    client.session.close()
    client.exchange.move("BTC/USD")
    client.session.beat()
    assert client.inbox.take() == []


def test_followers_at_a_depth_share_frames_with_rising_timestamps(client: Client) -> None:
    other = Inbox()
    client.book("subscribe", "BTC/USD", depth=1000)
    client.exchange.subscribe("BTC/USD", 1000, other, snapshot=True)
    client.admitted()
    other.take()
    for _ in range(100):
        client.exchange.move("BTC/USD")
    texts = client.inbox.take()
    assert texts == other.take()
    times = [parse(text)["data"][0]["timestamp"] for text in texts]
    assert len(set(times)) == 100
    assert times == sorted(times)
