"""The words of CEL: a text as tokens."""

from __future__ import annotations

import re
from typing import Any

from spo.sim.api.cel.functions import Beyond

Token = tuple[str, Any, int]  # kind, value, column

_TOKEN = re.compile(
    r"""(?P<rare>\?\.|\[\?|\{\?|\"{3}|'{3}|[bB]r?["']|\d+[uU]\b)"""  # CEL, and not known here
    r"""|(?P<space>\s+|//[^\n]*)"""
    r"""|(?P<float>\d+\.\d+(?:[eE][+-]?\d+)?|\d+[eE][+-]?\d+)"""
    r"""|(?P<int>0x[0-9a-fA-F]+|\d+)"""
    r"""|(?P<text>r?"(?:[^"\\\n]|\\.)*"|r?'(?:[^'\\\n]|\\.)*')"""
    r"""|(?P<word>[A-Za-z_]\w*)"""
    r"""|(?P<sign>&&|\|\||[=!<>]=|[-+*/%!<>().,\[\]{}?:])"""
)
_ESCAPE = re.compile(r"\\(u[0-9a-fA-F]{4}|x[0-9a-fA-F]{2}|.)")
_ESCAPES = {"n": "\n", "t": "\t", "r": "\r", "a": "\a", "b": "\b", "f": "\f", "v": "\v"}


class Malformed(Exception):
    """This is no CEL: a column, and what is wrong there in the compiler's words."""

    def __init__(self, column: int, why: str) -> None:
        super().__init__(why)
        self.column = column


def tokens(text: str) -> list[Token]:
    """All of them, and one for the end, whose kind is empty. Raises Malformed or Beyond."""
    found: list[Token] = []
    place = 0
    while place < len(text):
        match = _TOKEN.match(text, place)
        if match is None:
            shown = text[place : place + 2]
            raise Malformed(place + 1, f"Syntax error: token recognition error at: '{shown}'")
        kind = match.lastgroup or ""
        if kind == "rare":
            raise Beyond(match[0])
        if kind != "space":
            found.append((match[0] if kind == "sign" else kind, _literal(kind, match[0]), place + 1))
        place = match.end()
    return [*found, ("", "<EOF>", place + 1)]


def _literal(kind: str, text: str) -> Any:
    if kind == "int":
        return int(text, 0 if text.startswith("0x") else 10)
    if kind == "float":
        return float(text)
    if kind == "text":
        return text[2:-1] if text[0] == "r" else _ESCAPE.sub(_unescaped, text[1:-1])
    return text


def _unescaped(match: re.Match[str]) -> str:
    code = match[1]
    return chr(int(code[1:], 16)) if len(code) > 1 else _ESCAPES.get(code, code)
