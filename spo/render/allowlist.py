"""Whether a profile keeps to what spod allows (A1, A2, A7)."""

from __future__ import annotations

from collections.abc import Iterable

from msgspec import Struct

from spo.model.listing import listed
from spo.model.seccomp import LETTING_THROUGH
from spo.render.resolve import Resolved

SHOWN_MAX = 12


class Offence(Struct, frozen=True):
    """Something a profile lets through and must not: a syscall (empty: every syscall, by default), by an action.

    `action_refused`: the action itself is not permitted; else it is the syscall that is not on the list. What is wrong
    in both ways is two offences.
    """

    syscall: str
    action: str
    action_refused: bool

    def __str__(self) -> str:
        if not self.syscall and not self.action_refused:
            return f"every syscall, by defaultAction {self.action} (no list permits that: take SCMP_ACT_ERRNO)"
        return f"{self.syscall or 'every syscall by default'} ({self.action})" if self.action_refused else self.syscall


def check(
    resolved: Resolved, allowed_syscalls: Iterable[str] | None, allowed_actions: Iterable[str] | None
) -> tuple[Offence, ...]:
    """All that a profile lets through against the rules of spod, its default action first, then in the profile's order.

    No list, or an empty one, restricts nothing. Letting through = ALLOW, LOG, TRACE, NOTIFY; a default action among
    them lets everything through. Other than in the reference, `allowed_actions` are the ones a profile may use (there:
    the ones that are looked at), and ERRNO, KILL and TRAP are always permitted, whether listed or not.
    """
    listed = frozenset(allowed_syscalls or ())
    permitted = frozenset(allowed_actions or LETTING_THROUGH)
    spec = resolved.profile.spec
    wanted = [("", spec.default_action)]
    wanted += [(name, rule.action) for rule in resolved.syscalls for name in rule.names]
    found = [
        Offence(name, action, action_refused)
        for name, action in wanted
        if action in LETTING_THROUGH
        for action_refused, offends in ((False, listed and name not in listed), (True, action not in permitted))
        if offends
    ]
    return tuple(dict.fromkeys(found))


def in_words(offences: Iterable[Offence]) -> str:
    """The offences in one sentence for a condition or an Event; a long list is cut, and says how long it was."""
    every = tuple(offences)
    parts = [
        f"{title}: {listed([offence for offence in every if offence.action_refused is refused], SHOWN_MAX)}"
        for refused, title in ((False, "not on the list of allowed syscalls"), (True, "not an allowed action"))
        if any(offence.action_refused is refused for offence in every)
    ]
    return "; ".join(parts)
