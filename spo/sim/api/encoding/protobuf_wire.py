"""The wire format of protobuf: numbered fields of a message, as bytes."""

from __future__ import annotations

import struct
from collections.abc import Iterator

VARINT, FIXED64, BYTES, FIXED32 = 0, 1, 2, 5
_SIGN = 1 << 63
_WRAP = 1 << 64


class Malformed(Exception):
    """The bytes are no message."""


def varint(value: int) -> bytes:
    """A whole number; a negative one takes ten bytes."""
    value %= _WRAP
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


def field(number: int, value: bytes | int | float) -> bytes:
    """One field: bytes, a whole number or a double."""
    if isinstance(value, bytes):
        return varint(number << 3 | BYTES) + varint(len(value)) + value
    if isinstance(value, float):
        return varint(number << 3 | FIXED64) + struct.pack("<d", value)
    return varint(number << 3 | VARINT) + varint(value)


def text(number: int, value: str) -> bytes:
    return field(number, value.encode())


def fields(data: bytes) -> Iterator[tuple[int, bytes | int | float]]:
    """Number and value of each field, in order. Raises Malformed."""
    place = 0
    while place < len(data):
        key, place = _varint(data, place)
        number, kind = key >> 3, key & 7
        value: bytes | int | float
        if kind == VARINT:
            raw, place = _varint(data, place)
            value = raw - _WRAP if raw >= _SIGN else raw
        elif kind == BYTES:
            length, place = _varint(data, place)
            value, place = _cut(data, place, length)
        elif kind == FIXED64:
            raw_bytes, place = _cut(data, place, 8)
            value = struct.unpack("<d", raw_bytes)[0]
        elif kind == FIXED32:
            raw_bytes, place = _cut(data, place, 4)
            value = struct.unpack("<f", raw_bytes)[0]
        else:
            raise Malformed(f"proto: illegal wireType {kind}")
        if number == 0:
            raise Malformed("proto: illegal tag 0")
        yield number, value


def _cut(data: bytes, place: int, length: int) -> tuple[bytes, int]:
    if length > len(data) - place:
        raise Malformed("unexpected EOF")
    return data[place : place + length], place + length


def _varint(data: bytes, place: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        if place >= len(data):
            raise Malformed("unexpected EOF")
        if shift > 63:
            raise Malformed("proto: integer overflow")
        byte = data[place]
        value |= (byte & 0x7F) << shift
        place, shift = place + 1, shift + 7
        if byte < 0x80:
            return value % _WRAP, place
