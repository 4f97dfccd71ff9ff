"""The union of two lists of syscall rules: what either side lets through, the union lets through (B1, B4)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from msgspec import Struct

from spo.model.seccomp import LETTING_THROUGH, STRICT_TO_LAX, Argument, Syscall

# The actions whose errnoRet means something; OCI runtimes must refuse it beside any other (runtime-spec, "Seccomp").
WITH_ERRNO = frozenset({"SCMP_ACT_ERRNO", "SCMP_ACT_TRACE"})

LAXITY = {action: place for place, action in enumerate(STRICT_TO_LAX)}


class RuleEffect(Struct, frozen=True):
    """What one rule says about a syscall: an action, if all conditions on its arguments hold."""

    action: str
    errno_ret: int | None = None
    args: tuple[Argument, ...] = ()

    @property
    def lets_through(self) -> bool:
        return self.action in LETTING_THROUGH


RuleEffects = tuple[RuleEffect, ...]


def errno_of(rule: Syscall) -> int | None:
    """A rule's errnoRet as a number, None where it has none or its action does not take one."""
    return None if rule.errno_ret is None or rule.action not in WITH_ERRNO else int(rule.errno_ret)


def union(ours: Iterable[Syscall], base: Iterable[Syscall], default_action: str) -> tuple[Syscall, ...]:
    """The rules of a profile with those of its base added, under the profile's default action; sorted, grouped.

    A syscall that one side does not name stays as the other side has it. Where both name it, see `_both`.
    """
    mine, theirs = by_name(ours), by_name(base)
    merged = {
        name: _either(mine.get(name, ()), theirs.get(name, ()), default_action) for name in sorted({*mine, *theirs})
    }
    return grouped(merged)


def by_name(rules: Iterable[Syscall]) -> dict[str, RuleEffects]:
    """What a list says about each syscall it names, in the order it says it, once."""
    return {name: tuple(dict.fromkeys(verdicts)) for name, verdicts in said(rules).items()}


def said(rules: Iterable[Syscall]) -> dict[str, list[RuleEffect]]:
    """The same as often as it says it."""
    found: dict[str, list[RuleEffect]] = {}
    for rule in rules:
        verdict = RuleEffect(rule.action, errno_of(rule), rule.args)
        for name in rule.names:
            found.setdefault(name, []).append(verdict)
    return found


def _either(ours: RuleEffects, theirs: RuleEffects, default: str) -> RuleEffects:
    if ours and theirs:
        return _both(ours, theirs, default)
    if ours:
        return ours
    # The profile lets this syscall through by default: a base that does so less freely must not get in its way (B4).
    # A base that refuses it does so on purpose, and stands.
    return tuple(
        verdict
        for verdict in theirs
        if not (verdict.lets_through and default in LETTING_THROUGH and LAXITY[verdict.action] < LAXITY[default])
    )


def _both(ours: RuleEffects, theirs: RuleEffects, default: str) -> RuleEffects:
    """One action, the less restrictive one; without conditions if a side has none, else on either side's conditions.

    The reference puts both sides' conditions into one rule, where all must hold: stricter than either side.
    """
    verdicts = (*ours, *theirs)
    action = max((verdict.action for verdict in verdicts), key=LAXITY.__getitem__)
    allowing = action in LETTING_THROUGH
    errno = next(verdict.errno_ret for verdict in verdicts if verdict.action == action)
    alternatives = tuple(
        dict.fromkeys(
            RuleEffect(action, verdict.errno_ret if verdict.action == action else errno, verdict.args)
            for verdict in verdicts
            if verdict.lets_through is allowing
        )
    )
    if not all(verdict.args for verdict in alternatives):
        alternatives = (RuleEffect(action, errno),)
    if not (allowing and default in LETTING_THROUGH):
        return alternatives
    # The default lets it through anyway; rules are needed only for what is freer than that. What the profile refuses
    # stays refused where the base has conditions of its own: it is the exception that the profile is about.
    refused = tuple(verdict for verdict in ours if not verdict.lets_through) if alternatives[0].args else ()
    # libseccomp refuses a filter with two actions on the same conditions.
    settled = {frozenset(verdict.args) for verdict in refused}
    freer = tuple(verdict for verdict in alternatives if frozenset(verdict.args) not in settled)
    return (*refused, *(freer if LAXITY[action] > LAXITY[default] else ()))


def grouped(verdicts_of: Mapping[str, Sequence[RuleEffect]]) -> tuple[Syscall, ...]:
    """Few rules that say the same: syscalls with equal verdicts share one, the least restrictive come first.

    A syscall with several actions keeps rules of its own, at the end and in their order, which can matter there.
    """
    shared: dict[RuleEffect, list[str]] = {}
    apart: list[Syscall] = []
    for name, verdicts in verdicts_of.items():
        if len({verdict.action for verdict in verdicts}) > 1:
            apart += [_rule((name,), verdict) for verdict in verdicts]
        else:
            for verdict in verdicts:
                shared.setdefault(verdict, []).append(name)
    rules = [_rule(tuple(names), verdict) for verdict, names in shared.items()]
    return (*sorted(rules, key=_order), *apart)


def _rule(names: tuple[str, ...], verdict: RuleEffect) -> Syscall:
    return Syscall(names, verdict.action, verdict.errno_ret, verdict.args)


def _order(rule: Syscall) -> tuple[object, ...]:
    conditions = tuple((arg.index, arg.op, arg.value, arg.value_two) for arg in rule.args)
    return (-LAXITY[rule.action], errno_of(rule) or 0, conditions, rule.names)
