"""What a planted bug is, and where most are planted."""

from __future__ import annotations

from typing import NamedTuple

MANAGER = "spo/reconcile/profile.py"
DAEMON = "spo/reconcile/node_profile.py"
VERDICT = "spo/reconcile/verdict.py"


class Bug(NamedTuple):
    """`old` stands once in `file`, and becomes `new`; then `story` fails, and its report says `because`."""

    name: str
    guards: str  # the number in docs/promises.md
    file: str
    old: str
    new: str
    story: str
    because: str
