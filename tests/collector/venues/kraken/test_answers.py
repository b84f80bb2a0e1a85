"""Kraken's answers to requests."""

from __future__ import annotations

import pytest

from collector.venues.kraken.answers import RequestAnswer
from collector.venues.kraken.frames import (
    Frame,
    decode_frame,
)

ACK = (
    '{"method":"subscribe","result":{"channel":"book","depth":25,"snapshot":true,'
    '"symbol":"BTC/USD"},"success":true,"time_in":"2026-08-02T03:35:50.983359Z",'
    '"time_out":"2026-08-02T03:35:50.983398Z"}'
)


def decode(text: str) -> Frame:
    return decode_frame(text.encode())


def test_acknowledgement_is_decoded_as_granted() -> None:
    assert decode(ACK) == RequestAnswer("subscribe", True, None, "BTC/USD", "book", None)


def test_acknowledgement_of_instruments_may_have_warnings() -> None:
    text = (
        '{"method":"subscribe","result":{"channel":"instrument","snapshot":true,'
        '"warnings":["tick_size is deprecated"]},"success":true,"req_id":79}'
    )
    assert decode(text) == RequestAnswer("subscribe", True, None, None, "instrument", 79)


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        (
            '{"error":"Currency pair not supported XBT/EUR","method":"subscribe","success":false,'
            '"symbol":"XBT/EUR"}',
            RequestAnswer("subscribe", False, "Currency pair not supported XBT/EUR", "XBT/EUR"),
        ),
        (
            '{"error":"Subscription depth not supported","method":"subscribe","success":false,'
            '"time_in":"t","time_out":"t","req_id":4}',
            RequestAnswer("subscribe", False, "Subscription depth not supported", None, None, 4),
        ),
        (
            '{"error":"Already subscribed","method":"subscribe","req_id":2,"success":false,'
            '"symbol":"BTC/USD"}',
            RequestAnswer("subscribe", False, "Already subscribed", "BTC/USD", None, 2),
        ),
        ('{"Error":"Exceeded msg rate"}', RequestAnswer(None, False, "Exceeded msg rate")),
        ('{"method":"pong","req_id":101}', RequestAnswer("pong", True, None, None, None, 101)),
    ],
)
def test_answer_has_kraken_success_and_error(text: str, answer: RequestAnswer) -> None:
    assert decode(text) == answer


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        (
            '{"error":{"code":7},"method":"subscribe"}',
            RequestAnswer("subscribe", False, '{"code":7}'),
        ),
        ('{"method":"subscribe","req_id":"7"}', RequestAnswer("subscribe")),
        ('{"method":"subscribe","success":false}', RequestAnswer("subscribe", False)),
        (
            '{"method":"subscribe","result":5,"symbol":"A/B"}',
            RequestAnswer("subscribe", symbol="A/B"),
        ),
        (
            '{"method":"subscribe","error":"no","symbol":["A/B",5,"C/D"]}',
            RequestAnswer("subscribe", False, "no", symbols=("A/B", "C/D")),
        ),
    ],
)
def test_answer_member_of_another_type_is_left_out(text: str, answer: RequestAnswer) -> None:
    assert decode(text) == answer
