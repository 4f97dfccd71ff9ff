"""CEL, compiled to Python: its whole grammar but a few rarities, its macros, and the functions that rules mostly call.

    parse(text) → Expression        Raises Malformed for what is no CEL, Beyond for CEL that is not known here.

Values are JSON's. An error of an evaluation is KeyError (no such key), TypeError (no such overload), ValueError,
ZeroDivisionError or IndexError; `&&` and `||` absorb one if the other side decides alone, as CEL says.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from msgspec import Struct

from spo.sim.api.cel.functions import FUNCTIONS, METHODS, Beyond, equal, ordered, plus, times
from spo.sim.api.cel.tokens import Malformed, Token, tokens

Scope = Mapping[str, Any]  # names of variables to their values
Test = Callable[[Scope], Any]
Path = tuple[tuple[str, int], ...]  # names of fields, and the columns where they stand

ERRORS = (KeyError, TypeError, ValueError, ZeroDivisionError, IndexError)
BUDGET = "#"  # of the scope; no variable has this name
STEPS_MAX = 200_000  # elements that macros look at
_LITERALS = {"true": True, "false": False, "null": None}
_RELATIONS = ("==", "!=", "<", "<=", ">", ">=", "in")
_MACROS = ("all", "exists", "exists_one", "map", "filter")


class Exhausted(Exception):
    """An evaluation does more than it may."""


class Budget:
    """How much one evaluation may still do (upstream: PerCallLimit, in units that no two versions count alike)."""

    left = STEPS_MAX

    def spend(self) -> None:
        self.left -= 1
        if self.left < 0:
            raise Exhausted


class Expression(Struct, frozen=True):
    """A compiled expression, and the fields it reads of `self` and `oldSelf`."""

    value: Test
    paths: tuple[Path, ...]


def parse(text: str) -> Expression:
    """Compile. Raises Malformed or Beyond."""
    reader = _Reader(tokens(text))
    value = reader.choice()
    reader.end()
    return Expression(value, tuple(reader.paths))


class _Reader:
    """Recursive descent over the tokens; each method compiles one level of precedence."""

    def __init__(self, words: list[Token]) -> None:
        self._tokens = words
        self._bound: list[str] = []  # variables of the macros around here
        self._last = ""  # the last field that was read
        self.paths: list[Path] = []

    # -- tokens --------------------------------------------------------------------------------------------------

    def _next_is(self, *kinds: str) -> bool:
        kind, value, _ = self._tokens[0]
        return kind in kinds or (kind == "word" and value in kinds)

    def _take(self) -> Any:
        return self._tokens.pop(0)[1]

    def _expect(self, kind: str) -> Any:
        if self._tokens[0][0] != kind:
            raise self._surprise(f"expecting '{kind}'")
        return self._take()

    def _surprise(self, wanted: str) -> Malformed:
        _, value, column = self._tokens[0]
        return Malformed(column, f"Syntax error: mismatched input '{value}' {wanted}")

    def end(self) -> None:
        if self._tokens[0][0]:
            raise self._surprise("expecting <EOF>")

    # -- operators -----------------------------------------------------------------------------------------------

    def choice(self) -> Test:
        condition = self._either()
        if not self._next_is("?"):
            return condition
        self._take()
        yes = self._either()
        self._expect(":")
        no = self.choice()
        return lambda scope: yes(scope) if _truth(condition(scope)) else no(scope)

    def _either(self) -> Test:
        return self._logical("||", True, lambda: self._logical("&&", False, self._related))

    def _logical(self, sign: str, decisive: bool, inner: Callable[[], Test]) -> Test:
        parts = [inner()]
        while self._next_is(sign):
            self._take()
            parts.append(inner())
        if len(parts) == 1:
            return parts[0]

        return lambda scope: _decided(decisive, ((part, scope) for part in parts))

    def _related(self) -> Test:
        left = self._sum()
        while self._next_is(*_RELATIONS):
            left = _relation(self._take(), left, self._sum())
        return left

    def _sum(self) -> Test:
        left = self._product()
        while self._next_is("+", "-"):
            left = _applied(plus, self._take(), left, self._product())
        return left

    def _product(self) -> Test:
        left = self._unary()
        while self._next_is("*", "/", "%"):
            left = _applied(times, self._take(), left, self._unary())
        return left

    def _unary(self) -> Test:
        if self._next_is("!"):
            self._take()
            inner = self._unary()
            return lambda scope: not _truth(inner(scope))
        if self._next_is("-"):
            self._take()
            negated = self._unary()
            return lambda scope: plus("-", 0, negated(scope))
        return self._member()

    # -- members -------------------------------------------------------------------------------------------------

    def _member(self) -> Test:
        value, path = self._primary()
        while self._next_is(".", "["):
            column = self._tokens[0][2]
            if self._take() == "[":
                value, path = _indexed(value, self.choice()), None
                self._expect("]")
                continue
            name = self._expect("word")
            if self._next_is("("):
                self._note(path)
                value, path = self._call(value, name), None
            else:
                self._last = plain_name(name)
                value, path = _field(value, self._last), None if path is None else (*path, (self._last, column))
        self._note(path)
        return value

    def _note(self, path: Path | None) -> None:
        if path:
            self.paths.append(path)

    def _primary(self) -> tuple[Test, Path | None]:
        kind, value, _ = self._tokens[0]
        if kind in ("int", "float", "text"):
            self._take()
            return lambda scope: value, None
        if kind == "(":
            self._take()
            inner = self.choice()
            self._expect(")")
            return inner, None
        if kind == "[":
            items = self._listed("[", "]", self.choice)
            return lambda scope: [item(scope) for item in items], None
        if kind == "{":
            pairs = self._listed("{", "}", self._pair)
            return lambda scope: {key(scope): item(scope) for key, item in pairs}, None
        if kind != "word":
            raise self._surprise("expecting an expression")
        return self._named(self._take())

    def _named(self, word: str) -> tuple[Test, Path | None]:
        if word in _LITERALS:
            return lambda scope: _LITERALS[word], None
        if self._next_is("("):
            return (self._has() if word == "has" else self._function(word)), None
        if word not in ("self", "oldSelf", *self._bound):
            raise Beyond(word)
        return lambda scope: scope[word], ((word, 0),) if word in ("self", "oldSelf") else None

    def _has(self) -> Test:
        self._expect("(")
        value, name = self._member(), self._last
        self._expect(")")

        def there(scope: Scope) -> bool:
            try:
                value(scope)
            except KeyError as missing:
                if missing.args != (name,):  # something on the way there
                    raise
                return False
            return True

        return there

    def _function(self, name: str) -> Test:
        function = FUNCTIONS.get(name)
        if function is None:
            raise Beyond(name)
        arguments = self._listed("(", ")", self.choice)
        return lambda scope: function(*(argument(scope) for argument in arguments))

    def _call(self, target: Test, name: str) -> Test:
        if name in _MACROS:
            return self._macro(target, name)
        method = METHODS.get(name)
        if method is None:
            raise Beyond(name)
        arguments = self._listed("(", ")", self.choice)
        return lambda scope: method(target(scope), *(argument(scope) for argument in arguments))

    def _macro(self, target: Test, name: str) -> Test:
        self._expect("(")
        variable = self._expect("word")
        self._bound.append(variable)
        self._expect(",")
        bodies = [self.choice()]
        if name == "map" and self._next_is(","):
            self._take()
            bodies.append(self.choice())
        self._expect(")")
        self._bound.pop()
        return _MACRO[name](target, variable, *bodies)

    def _pair(self) -> tuple[Test, Test]:
        key = self.choice()
        self._expect(":")
        return key, self.choice()

    def _listed(self, opening: str, closing: str, inner: Callable[[], Any]) -> list[Any]:
        self._expect(opening)
        found = []
        while not self._next_is(closing):
            found.append(inner())
            if not self._next_is(","):
                break
            self._take()
        self._expect(closing)
        return found


# -- evaluation --------------------------------------------------------------------------------------------------


def _truth(value: Any) -> bool:
    if value is True or value is False:
        return bool(value)
    raise TypeError("no such overload")


def _relation(sign: str, left: Test, right: Test) -> Test:
    if sign == "==":
        return lambda scope: equal(left(scope), right(scope))
    if sign == "!=":
        return lambda scope: not equal(left(scope), right(scope))
    if sign == "in":
        return lambda scope: any(equal(left(scope), item) for item in _items(right(scope)))
    return lambda scope: ordered(sign, left(scope), right(scope))


def _applied(function: Callable[[str, Any, Any], Any], sign: str, left: Test, right: Test) -> Test:
    return lambda scope: function(sign, left(scope), right(scope))


def _field(target: Test, name: str) -> Test:
    def field(scope: Scope) -> Any:
        value = target(scope)
        if not isinstance(value, dict):
            raise TypeError(name)
        return value[name]

    return field


def plain_name(name: str) -> str:
    """The property that a name stands for: some signs, and words of the language, are written differently in CEL."""
    word = re.fullmatch(r"__(\w+?)__", name)
    if word and word[1] in _RESERVED:
        return word[1]
    for written, sign in (("__dot__", "."), ("__dash__", "-"), ("__slash__", "/"), ("__underscores__", "__")):
        name = name.replace(written, sign)
    return name


_RESERVED = (
    "true false null in as break const continue else for function if import let loop package namespace return"
).split()


def _indexed(target: Test, index: Test) -> Test:
    def at(scope: Scope) -> Any:
        value, place = target(scope), index(scope)
        if isinstance(value, list):
            if not isinstance(place, int) or isinstance(place, bool):
                raise TypeError("no such overload")
            if not 0 <= place < len(value):
                raise IndexError(f"index out of bounds: {place}")
            return value[place]
        if isinstance(value, dict):
            return value[place]
        raise TypeError("no such overload")

    return at


def _each(target: Test, scope: Scope, variable: str) -> Iterator[tuple[Any, Scope]]:
    """What a macro goes over, each with the scope in which its body sees it. Raises Exhausted."""
    for item in _items(target(scope)):
        scope[BUDGET].spend()
        yield item, {**scope, variable: item}


def _items(value: Any) -> list[Any]:
    """What a macro, or `in`, goes over: elements of a list, keys of a map."""
    if isinstance(value, (list, dict)):
        return list(value)
    raise TypeError("no such overload")


def _decided(decisive: bool, tests: Iterable[tuple[Test, Scope]]) -> bool:
    """The first decisive answer, whatever failed before it; without one the first failure, if any (as CEL's `||`)."""
    failure: Exception | None = None
    for test, scope in tests:
        try:
            if _truth(test(scope)) is decisive:
                return decisive
        except ERRORS as error:
            failure = failure or error
    if failure is not None:
        raise failure
    return not decisive


def _quantified(decisive: bool) -> Callable[[Test, str, Test], Test]:
    def quantify(target: Test, variable: str, body: Test) -> Test:
        return lambda scope: _decided(decisive, ((body, inside) for _, inside in _each(target, scope, variable)))

    return quantify


def _filtered(target: Test, variable: str, body: Test) -> Test:
    return lambda scope: [item for item, inside in _each(target, scope, variable) if _truth(body(inside))]


def _mapped(target: Test, variable: str, first: Test, second: Test | None = None) -> Test:
    if second is None:
        return lambda scope: [first(inside) for _, inside in _each(target, scope, variable)]
    kept = _filtered(target, variable, first)
    return lambda scope: [second({**scope, variable: item}) for item in kept(scope)]


def _exactly_one(target: Test, variable: str, body: Test) -> Test:
    kept = _filtered(target, variable, body)
    return lambda scope: len(kept(scope)) == 1


_MACRO: Mapping[str, Callable[..., Test]] = {
    "all": _quantified(False),
    "exists": _quantified(True),
    "exists_one": _exactly_one,
    "filter": _filtered,
    "map": _mapped,
}
