"""Quantities in the one form that the API server writes them in (apimachinery, resource.Quantity).

What we ask for must read as it will stand in the API: else we would see a difference for ever, and mend it for ever.
"""

from __future__ import annotations

import re

from msgspec import Struct

PARTS = re.compile(r"\+?([0-9]*)(?:\.([0-9]*))?(?:([KMGTPE]i)|([numkMGTPE])|[eE]([+-]?[0-9]+))?")
BINARY = ("", "Ki", "Mi", "Gi", "Ti", "Pi", "Ei")
DECIMAL = ("n", "u", "m", "", "k", "M", "G", "T", "P", "E")
NANO = 10**9


class Amount(Struct, frozen=True):
    """How much, and the family of units it is written in: `binary`, `decimal` or `exponent`."""

    nanos: int
    family: str = "decimal"

    def __str__(self) -> str:
        """With the largest unit that leaves no fraction."""
        if self.family == "binary" and self.nanos >= 1024 * NANO:
            return _with_suffix(-(-self.nanos // NANO), 1024, BINARY)
        if self.family == "exponent":
            return _with_exponent(self.nanos)
        return _with_suffix(self.nanos, 1000, DECIMAL) if self.nanos else "0"

    def plus(self, more: Amount) -> Amount:
        """The sum, in the family of what was there before."""
        return Amount(self.nanos + more.nanos, self.family if self.nanos else more.family)

    def minus(self, less: Amount) -> Amount:
        """What is left; never less than nothing."""
        return Amount(max(self.nanos - less.nanos, 0), self.family)


def canonical(quantity: int | str) -> str:
    """The same amount with the largest unit that leaves no fraction: `0.5` is `500m`, `1024Mi` is `1Gi`.

    The unit stays in its family (binary, decimal, exponent). What is no quantity is given back as it is.
    """
    found = amount(quantity)
    return str(quantity) if found is None else str(found)


def amount(quantity: int | float | str) -> Amount | None:
    """Read a quantity: nothing finer than a nano is kept, and what there is of it counts as one. None: it is no
    quantity, or so large that nobody means it.
    """
    parts = PARTS.fullmatch(str(quantity))
    if parts is None or not (parts[1] or parts[2]):
        return None
    whole, fraction, binary, decimal, exponent = parts.groups()
    scale = 1024 ** BINARY.index(binary) * NANO if binary else 10 ** (3 * DECIMAL.index(decimal or ""))
    power = int(exponent or 0)
    if abs(power) > 18:
        return None
    numerator = int((whole or "") + (fraction or "")) * scale * 10 ** max(power, 0)
    found = -(-numerator // 10 ** (len(fraction or "") + max(-power, 0)))
    return Amount(found, "binary" if binary else "decimal" if exponent is None else "exponent")


def nanos(quantity: int | str) -> int | None:
    """The amount in thousand-millionths; None as above."""
    found = amount(quantity)
    return None if found is None else found.nanos


def _with_suffix(amount: int, step: int, suffixes: tuple[str, ...]) -> str:
    place = 0
    while amount % step == 0 and place < len(suffixes) - 1:
        amount //= step
        place += 1
    return f"{amount}{suffixes[place]}"


def _with_exponent(nanos: int) -> str:
    """As decimal suffixes, with the exponent in place of the letter; an exponent of 0 is not written."""
    power = -9
    while nanos and nanos % 1000 == 0:
        nanos //= 1000
        power += 3
    return f"{nanos}e{power}" if nanos and power else str(nanos)
