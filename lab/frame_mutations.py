"""Other forms and damages of one frame of Kraken, for tests of everything that reads frames.

`FORMS` have the same meaning as the frame, so most readers must accept them. `DAMAGES` are changes
of bytes, with any meaning. All of them are functions of the frame and of numbers, so that a test
can repeat and shorten what it tried.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any

Form = Callable[[bytes], bytes]
Damage = Callable[[bytes, int, int], bytes]
"""Takes the frame, a number that chooses the place, and one that chooses the change."""

_NUMBER = re.compile(rb"\d+(?:\.\d+)?")
_SYMBOL = re.compile(rb'("symbol":")([^"]+)"')
_MEMBER = re.compile(rb'"(?:channel|type|symbol|price|qty|checksum|timestamp)":("[^"]*"|[\d.]+)')

_NUMBERS = (
    *(b"0", b"00", b"-0", b"-1", b"01.0", b"1.", b".5", b"1e5", b"1E-8", b"1e-08", b"1e999999"),
    *(b"0.0", b"0.00000000", b"1.0", b"1.00000000", b"9007199254740993.00000000"),
    *(b"4294967295", b"4294967296", b"2147483648", b"9223372036854775807"),
    *(b"9223372036854775808", b"18446744073709551615", b"18446744073709551616"),
    *(b"999999999999999999", b"1000000000000000000", b"1" * 40, b"9" * 41, b"1" * 5000),
    *(b"NaN", b"null", b"true", b'"1.0"', b"[]", b"{}", b"1.0.0", b"1_0", b"+1", b"0x10"),
    *(b"1 ", b" 1", b"1\t", b"1.0\x00", b"", b"-", b"1e", b"\xd9\xa1"),
)
_BYTES = b"\x00\x01\t\n\r \"',-./0159:E[\\]e{}\x7f\x80\xbf\xc3\xff"
_TEXTS = (
    *(b"\n", b" ", b"\x00", b"}", b"]", b"]}", b",", b'{"channel":"heartbeat"}', b"null", b"\xff"),
    *(b'"', b"\\", b"\\u0000", b"\xef\xbb\xbf", b"\xe2\x80\xa8", b"0", b"\r\n\r\n"),
)


def _spaced(frame: bytes) -> bytes:
    return re.sub(rb'(?<=["\d\]}])([:,])(?=["\d\[{])', rb"\1 ", frame)


def _reversed_keys(frame: bytes) -> bytes:
    # Numbers are kept as texts between two marks, because a float would lose digits.
    marked = json.loads(
        frame, parse_float=lambda t: f"\x00{t}\x00", parse_int=lambda t: f"\x00{t}\x00"
    )
    text = json.dumps(_reversed(marked), separators=(",", ":"), ensure_ascii=False)
    return text.replace('"\\u0000', "").replace('\\u0000"', "").encode(errors="backslashreplace")


def _reversed(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _reversed(value[key]) for key in reversed(value)}
    return [_reversed(item) for item in value] if isinstance(value, list) else value


def _short_numbers(frame: bytes) -> bytes:
    """Remove the zeros at the end of decimals: 1.50 becomes 1.5."""
    return re.sub(rb'(?<=":)(\d+\.\d*?[1-9]|\d+\.0)0*(?=[,}])', rb"\1", frame)


def _exponents(frame: bytes) -> bytes:
    return re.sub(rb'("(?:price|qty)":\d+\.\d+)(?=[,}])', rb"\1e0", frame)


def _escaped_symbol(frame: bytes) -> bytes:
    def escape(match: re.Match[bytes]) -> bytes:
        name = match[2].decode()
        return match[1] + f"\\u{ord(name[0]):04x}".encode() + name[1:].encode() + b'"'

    return _SYMBOL.sub(escape, frame)


def _escaped_slash(frame: bytes) -> bytes:
    return _SYMBOL.sub(lambda match: match[1] + match[2].replace(b"/", b"\\/") + b'"', frame)


FORMS: tuple[Form, ...] = (
    _spaced,
    _reversed_keys,
    _short_numbers,
    _exponents,
    _escaped_symbol,
    _escaped_slash,
    lambda frame: frame + b"\n",
    lambda frame: b" " + frame,
    lambda frame: frame.replace(b'{"price"', b'{"orders":[1],"price"'),
    lambda frame: frame.replace(b"}]}", b',"more":{"symbol":"X/Y"}}]}'),
    lambda frame: frame[:-1] + b',"more":null}',
    lambda frame: frame.replace(b'{"channel"', b'{"time_in":"now","channel"'),
    lambda frame: frame.replace(b'"bids":[],', b""),
    lambda frame: frame.replace(b'"asks":[],', b""),
    lambda frame: re.sub(rb'"bids":(\[.*?\]),"asks":(\[.*?\])', rb'"asks":\2,"bids":\1', frame),
    lambda frame: re.sub(rb'"checksum":(\d+),("timestamp":"[^"]*")', rb'\2,"checksum":\1', frame),
    lambda frame: re.sub(rb'"checksum":(\d+)', rb'"checksum":1,"checksum":\1', frame),
    lambda frame: re.sub(rb'"checksum":(\d+)', rb'"checksum":"\1"', frame),
    lambda frame: re.sub(rb'"checksum":(\d+)', rb'"checksum":\1.0', frame),
    lambda frame: re.sub(rb'"checksum":(\d+)', rb'"checksum":0\1', frame),
    lambda frame: re.sub(rb'"price":(\d)', rb'"price":0\1', frame),
)


def _flip_bit(frame: bytes, where: int, what: int) -> bytes:
    at = where % len(frame)
    return frame[:at] + bytes((frame[at] ^ (1 << what % 8),)) + frame[at + 1 :]


def _set_byte(frame: bytes, where: int, what: int) -> bytes:
    at = where % len(frame)
    return frame[:at] + bytes((_BYTES[what % len(_BYTES)],)) + frame[at + 1 :]


def _insert_byte(frame: bytes, where: int, what: int) -> bytes:
    at = where % (len(frame) + 1)
    return frame[:at] + bytes((_BYTES[what % len(_BYTES)],)) + frame[at:]


def _delete_span(frame: bytes, where: int, what: int) -> bytes:
    at = where % len(frame)
    return frame[:at] + frame[at + 1 + what % 3 * (what % 11) :]


def _repeat_span(frame: bytes, where: int, what: int) -> bytes:
    at = where % len(frame)
    end = at + 1 + what % 40
    return frame[:end] + frame[at:end] + frame[end:]


def _swap_bytes(frame: bytes, where: int, _what: int) -> bytes:
    at = where % len(frame)
    return frame[:at] + frame[at : at + 2][::-1] + frame[at + 2 :]


def _truncate(frame: bytes, where: int, _what: int) -> bytes:
    return frame[: where % len(frame)]


def _add_text(frame: bytes, where: int, what: int) -> bytes:
    text = _TEXTS[what % len(_TEXTS)]
    return (frame + text, text + frame)[where % 2]


def _set_number(frame: bytes, where: int, what: int) -> bytes:
    return _replace_one(_NUMBER, frame, where, _NUMBERS[what % len(_NUMBERS)])


def _change_number(frame: bytes, where: int, what: int) -> bytes:
    numbers = list(_NUMBER.finditer(frame))
    if not numbers:
        return frame
    text = numbers[where % len(numbers)][0]
    changed = (
        *(b"-" + text, b"0" + text, text + b"0", b"1" + text, text + b".0", text + b"e0"),
        *(text.replace(b".", b""), text + b"." + text, text[:-1], text[1:], b"+" + text),
        *(text[:-1] + bytes((text[-1] ^ 1,)), b'"' + text + b'"', text + b"E+1", text.lstrip(b"0")),
    )
    return _replace_one(_NUMBER, frame, where, changed[what % len(changed)])


def _repeat_member(frame: bytes, where: int, what: int) -> bytes:
    members = list(_MEMBER.finditer(frame))
    if not members:
        return frame
    copied = members[what % len(members)][0]
    at = members[where % len(members)].start()
    return frame[:at] + copied + b"," + frame[at:]


def _replace_one(pattern: re.Pattern[bytes], frame: bytes, where: int, text: bytes) -> bytes:
    matches = list(pattern.finditer(frame))
    if not matches:
        return frame
    match = matches[where % len(matches)]
    return frame[: match.start()] + text + frame[match.end() :]


DAMAGES: tuple[Damage, ...] = (
    _flip_bit,
    _set_byte,
    _insert_byte,
    _delete_span,
    _repeat_span,
    _swap_bytes,
    _truncate,
    _add_text,
    _set_number,
    _change_number,
    _repeat_member,
)


def damage(frame: bytes, which: int, where: int, what: int) -> bytes:
    """Return the frame with one damage, which any three numbers choose; an empty frame stays."""
    return DAMAGES[which % len(DAMAGES)](frame, where, what) if frame else frame
