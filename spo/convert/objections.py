"""What keeps a document from being converted: which field of it, why, and what to do about it."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches
from posixpath import commonprefix

from msgspec import Struct

from spo.input.load import Source


class Objection(Struct, frozen=True):
    """One thing against one field; `source` and `subject` say whose field it is, once that is known."""

    field: str
    what: str
    remedy: str
    source: Source | None = None
    subject: str = ""


class NotConvertible(Exception):
    """The input cannot be converted without loss; nothing of it was."""

    def __init__(self, objections: Iterable[Objection]) -> None:
        self.objections = tuple(objections)
        super().__init__("\n".join(f"{each.field}: {each.what}" for each in self.objections))


def meant(word: str, known: Iterable[str], otherwise: str) -> str:
    """The remedy for a word that is not known: the one it looks like, or another piece of advice.

    What all that are known begin with (SCMP_ACT_) makes nothing alike.
    """
    words = sorted(known)
    same = commonprefix(words)
    close = get_close_matches(word.removeprefix(same), [each.removeprefix(same) for each in words], 1, 0.7)
    return f"did you mean {same}{close[0]}?" if close else otherwise
