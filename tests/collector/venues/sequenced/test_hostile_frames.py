"""Frames of any form raise only errors that a session handles, so none ends a collector."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collector.venues.binance.protocol import BinanceProtocol
from collector.venues.bitfinex.protocol import MAX_LEVELS, BitfinexProtocol
from collector.venues.coinbase.protocol import CoinbaseProtocol
from collector.venues.sequenced.protocol import MessageError, SequencedProtocol
from collector.venues.session import SequenceGap, SessionFailed

SUBSCRIBED = b'{"event":"subscribed","channel":"book","chanId":1,"symbol":"tBTCUSD"}'
# Frames of each protocol, which are damaged.
FRAMES: dict[type[Any], tuple[str, ...]] = {
    CoinbaseProtocol: (
        '{"channel":"l2_data","sequence_num":0,"timestamp":"2026-08-24T22:34:13Z","events":[{"type":'
        '"update","product_id":"A-B","updates":[{"side":"bid","price_level":"1","new_quantity":"2"}'
        "]}]}",
        '{"channel":"heartbeats","sequence_num":0,"events":[{"heartbeat_counter":1}]}',
        '{"channel":"subscriptions","sequence_num":0,"events":[{"subscriptions":{"level2":["A"]}}]}',
    ),
    BinanceProtocol: (
        '{"e":"depthUpdate","E":1787612486635,"s":"A","U":1,"u":2,"b":[["1","2"]],"a":[]}',
        '{"result":null,"id":1}',
        '{"error":{"code":1,"msg":"no"},"id":1}',
    ),
    BitfinexProtocol: (
        "[1,[[1,1,1],[2,1,-1]],1,1564617600541]",
        "[1,[1,0,1],2,1564617600541]",
        '[1,"cs",5,3,1564617600541]',
        '{"event":"info","code":20060,"msg":"x"}',
    ),
}
# Values in place of a number or a text.
FOREIGN = ["null", "-1", "0", "1e400", "99999999999999999999", '"x"', "[]", "{}", "true", '""']


def make(kind: type[Any]) -> SequencedProtocol:
    if kind is not BitfinexProtocol:
        made: SequencedProtocol = kind()
        return made
    protocol = BitfinexProtocol(25)
    protocol.decode(SUBSCRIBED)
    return protocol


@pytest.mark.parametrize("kind", FRAMES, ids=lambda kind: kind.__name__)
@given(data=st.data())
def test_any_frame_is_decoded_or_an_error_of_the_protocol(
    kind: type[Any], data: st.DataObject
) -> None:
    protocol = make(kind)
    for text in data.draw(st.lists(st.sampled_from(FRAMES[kind]), max_size=4)):
        start = data.draw(st.integers(0, len(text)))
        end = data.draw(st.integers(start, min(len(text), start + 15)))
        frame = text[:start] + data.draw(st.sampled_from(["", *FOREIGN])) + text[end:]
        try:
            protocol.decode(frame.encode())
        except (MessageError, SessionFailed):
            return


@pytest.mark.parametrize("time", ["99999999999999999999", "-99999999999999", "0", "10" + "0" * 40])
def test_impossible_time_is_none(time: str) -> None:
    bitfinex = make(BitfinexProtocol)
    (book,) = bitfinex.decode(f"[1,[[1,1,1]],1,{time}]".encode())
    binance = f'{{"e":"depthUpdate","E":{time},"s":"A","U":1,"u":1}}'
    (change,) = BinanceProtocol().decode(binance.encode())
    assert (book.time, change.time) == (None, None)  # type: ignore[union-attr]


def test_book_that_grows_without_end_ends_the_connection() -> None:
    protocol = make(BitfinexProtocol)
    protocol.decode(b"[1,[[1,1,1]],1,5]")

    def grow() -> None:
        for number in range(2, 3 * MAX_LEVELS):
            protocol.decode(f"[1,[{number},1,1],{number},5]".encode())

    with pytest.raises(SequenceGap, match="more levels"):
        grow()
