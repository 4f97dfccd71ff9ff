"""Quantities in the one form that the API server writes them in (apimachinery, resource.Quantity).

What we ask for must read as it will stand in the API: else we would see a difference for ever, and mend it for ever.
"""

from __future__ import annotations

import re

PARTS = re.compile(r"\+?([0-9]*)(?:\.([0-9]*))?(?:([KMGTPE]i)|([numkMGTPE])|[eE]([+-]?[0-9]+))?")
BINARY = ("", "Ki", "Mi", "Gi", "Ti", "Pi", "Ei")
DECIMAL = ("n", "u", "m", "", "k", "M", "G", "T", "P", "E")
NANO = 10**9


def canonical(quantity: int | str) -> str:
    """The same amount with the largest unit that leaves no fraction: `0.5` is `500m`, `1024Mi` is `1Gi`.

    The unit stays in its family (binary, decimal, exponent). What is no quantity is given back as it is.
    """
    text = str(quantity)
    parts = PARTS.fullmatch(text)
    if parts is None or not (parts[1] or parts[2]):
        return text
    whole, fraction, binary, decimal, exponent = parts.groups()
    scale = 1024 ** BINARY.index(binary) * NANO if binary else 10 ** (3 * DECIMAL.index(decimal or ""))
    power = int(exponent or 0)
    if abs(power) > 18:
        return text
    numerator = int((whole or "") + (fraction or "")) * scale * 10 ** max(power, 0)
    # Nothing finer than a nano is kept; what there is of it counts as one.
    nanos = -(-numerator // 10 ** (len(fraction or "") + max(-power, 0)))
    if binary and nanos >= 1024 * NANO:
        return _with_suffix(-(-nanos // NANO), 1024, BINARY)
    if exponent is not None:
        return _with_exponent(nanos)
    return _with_suffix(nanos, 1000, DECIMAL) if nanos else "0"


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
