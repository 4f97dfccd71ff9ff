"""Append-only lines: what a reader gives of them, from a position on, and what it could not give."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated, Literal

import msgspec
from msgspec import Meta, Struct

TAKE_BYTES = 2**20

Reason = Literal[
    "gone",  # the file that was read, or what came after it, is no longer there
    "truncated",  # the file was cut off, or written anew in its place
    "unfinished",  # the writer turned to the next file in the middle of a line
    "too long",  # a line does not go into one take
    "overrun",  # the source keeps only so many lines, and dropped the oldest
]


class Position(Struct, frozen=True):
    """Where a reader stands: so far in a file, which is told by its identity, not by its name."""

    file: str
    offset: Annotated[int, Meta(ge=0)] = 0  # in bytes; in lines, where the source counts lines
    head: str = ""  # SHA-256 of what it begins with, up to there: an identity that is free is given to another file

    def encode(self) -> bytes:
        """To be kept, and given to the next reader with `decode`."""
        return msgspec.json.encode(self)

    @staticmethod
    def decode(data: bytes) -> Position:
        """Raises ValueError if these bytes are no position."""
        try:
            return msgspec.json.decode(data, type=Position)
        except (msgspec.MsgspecError, UnicodeDecodeError) as error:
            raise ValueError(f"not a position in a log: {error}") from error


class Loss(Struct, frozen=True):
    """What a reader cannot give, and why. `None`: nobody knows how much it is."""

    reason: Reason
    lines: int | None = None
    size: int | None = None  # in bytes


class Batch(Struct, frozen=True):
    """Whole lines, without their newlines; the position after them; and what was lost before or among them."""

    lines: tuple[bytes, ...] = ()
    position: Position | None = None
    losses: tuple[Loss, ...] = ()


def joined(lines: Iterable[bytes]) -> bytes:
    """Lines as they stand in a file. Raises ValueError for what would not be one line."""
    ended = [line + b"\n" for line in lines]
    for line in ended:
        if line.count(b"\n") > 1:
            raise ValueError(f"{line!r} is more than one line")
    return b"".join(ended)
