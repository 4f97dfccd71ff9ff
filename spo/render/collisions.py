"""Rules of one syscall that libseccomp does not take together ("file exists", EEXIST): then there is no filter.

Rules, as of libseccomp 2.5.4: read in its db.c and syscalls.c, and held against it by tests/kernel/test_loadable.py
    1. Rules come in their order into a tree for each syscall and architecture, as a path of their conditions, by
       argument. Such that do what the default does stay out; an argument that is named twice makes a rule of each
       condition; a condition that a mask makes empty is none.
    2. A rule whose path goes on from one that stands is dropped without a word, whatever it does.
    3. A rule whose path ends where others stand or go on takes their place if they do the same, and is refused if not.
    4. A rule without conditions is never refused: it takes the place of all.
    5. Where syscalls are multiplexed, a rule of `socket` or `semop` comes into the tree of `socketcall` or `ipc` too,
       on the number of the call in place of what it asks of its first argument. So rule 3, not 4, is for all of them.
    6. Narrow architectures see the lower half of each value.

Guarantees
    Of rules that `conditions.exact` wrote, none that libseccomp refuses is missed (random profiles).

Assumptions
    A node's own architecture is 64-bit and not multiplexed, if the profile does not list it.

Does not
    know where libseccomp prunes its trees further: of what is refused here, less than one in 200 random profiles loads
    all the same, as a third rule that does the same had made the earlier one needless.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Union

from msgspec import Struct

from spo.model.seccomp import NATIVE, Argument, Syscall
from spo.render.architectures import CARRIED, CARRIERS, MULTIPLEXED, NARROW
from spo.render.conditions import ALL, WORD, effect_of, loaded
from spo.render.union import RuleEffect, errno_of, said

Step = str | tuple[int, str, int, int]  # the syscall; then argument, operator, mask and value
Tree = dict[Step, Union["Tree", RuleEffect]]


class Collision(Struct, frozen=True):
    """Two rules of a syscall that do different things where one of them ends. `architecture`: empty for every one."""

    syscall: str
    earlier: RuleEffect
    later: RuleEffect
    architecture: str = ""

    @property
    def is_multiplexed(self) -> bool:
        return self.architecture in MULTIPLEXED and self.syscall in CARRIED


def collision(rules: Sequence[Syscall], default_action: str, architectures: Iterable[str]) -> Collision | None:
    """The first two rules that libseccomp does not take together."""
    default = effect_of(RuleEffect(default_action))
    doubtful = _doubtful(rules)
    spoken = [
        (name, RuleEffect(rule.action, errno_of(rule), rule.args))
        for rule in (rules if doubtful else ())
        for name in rule.names
        if name in doubtful
    ]
    for architecture in ("", *sorted(frozenset(architectures) - {NATIVE})):
        trees: Tree = {}
        for name, effect in spoken:
            if effect_of(effect) == default:
                continue
            for path in (path for args in loaded(effect.args) for path in _paths(name, args, architecture)):
                if earlier := _refused_by(trees, path, effect):
                    return Collision(name, earlier, effect, architecture)
    return None


def _doubtful(rules: Sequence[Syscall]) -> frozenset[str]:
    """The syscalls that can have a collision: of two effects, or in a tree that has others' rules."""
    effects = {name: {effect_of(effect) for effect in every} for name, every in said(rules).items()}
    carrying = CARRIERS & effects.keys()
    return frozenset(
        name
        for name, found in effects.items()
        if len(found) > 1 or name in carrying or CARRIED.get(name, ("", 0))[0] in carrying
    )


def _paths(name: str, args: Sequence[Argument], architecture: str) -> Iterator[tuple[Step, ...]]:
    """Where one rule comes into trees."""
    seen = WORD - 1 if architecture in NARROW else ALL
    yield (name, *_steps(args, seen))
    if architecture in MULTIPLEXED and name in CARRIED:
        carrier, number = CARRIED[name]
        yield (carrier, (0, "SCMP_CMP_EQ", seen, number), *_steps([arg for arg in args if arg.index], seen))


def _steps(args: Iterable[Argument], seen: int) -> Iterator[Step]:
    for arg in args:
        mask, value = (arg.value, arg.value_two) if arg.op == "SCMP_CMP_MASKED_EQ" else (ALL, arg.value)
        if mask & seen:
            yield arg.index, arg.op, mask & seen, value & mask & seen


def _refused_by(trees: Tree, path: tuple[Step, ...], effect: RuleEffect) -> RuleEffect | None:
    """Add a rule. The one that stands and does something else, if libseccomp refuses it for that."""
    *steps, last = path
    tree = trees
    for step in steps:
        below = tree.setdefault(step, {})
        if isinstance(below, RuleEffect):
            return None
        tree = below
    there = tree.get(last, {})
    standing = _standing(there) if steps else ()  # without conditions nothing is looked at
    other = next((each for each in standing if effect_of(each) != effect_of(effect)), None)
    if other is None:
        tree[last] = effect
    return other


def _standing(tree: Mapping[Step, Tree | RuleEffect] | RuleEffect) -> Iterator[RuleEffect]:
    if isinstance(tree, RuleEffect):
        yield tree
    else:
        for below in tree.values():
            yield from _standing(below)
