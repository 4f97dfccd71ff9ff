"""Whether any container runtime loads the file of a profile: a chain of policies, each with what is wrong and a remedy.

What only some runtimes take is no matter of this chain, but a remark (`remarks`). What runc says is quoted (runc 1.1.5
with libseccomp 2.5.4, tests/kernel/test_loadable.py).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from spo.model.seccomp import ERRNO_MAX, NATIVE, TRACER_MESSAGE_MAX, SeccompProfile, Syscall
from spo.render.architectures import BIG_ENDIAN
from spo.render.collisions import Collision, collision
from spo.render.conditions import effect_of, loaded
from spo.render.not_renderable import NotRenderable
from spo.render.resolve import Resolved, name_of
from spo.render.union import RuleEffect, errno_of

NOTIFY = "SCMP_ACT_NOTIFY"
NUMBER_MAX = {"SCMP_ACT_ERRNO": ERRNO_MAX, "SCMP_ACT_TRACE": TRACER_MESSAGE_MAX}

# Of a profile, and its rules as they will be written: what is wrong, with what to do about it; None if nothing is.
Policy = Callable[[Resolved, Sequence[Syscall]], str | None]


class NotLoadable(NotRenderable):
    """No runtime would make a filter of it; the message is all that is wrong, each with its remedy."""


def demand_loadable(resolved: Resolved, rules: Sequence[Syscall]) -> None:
    """Raises NotLoadable."""
    wrong = [said for policy in POLICIES if (said := policy(resolved, rules)) is not None]
    if wrong:
        raise NotLoadable(" ".join(wrong))


# -- the policies ----------------------------------------------------------------------------------------------------


def one_byte_order(resolved: Resolved, rules: Sequence[Syscall]) -> str | None:
    """A filter speaks of architectures of one byte order: the node's."""
    listed = [name for name in resolved.profile.spec.architectures if name != NATIVE]
    big = [name for name in listed if name in BIG_ENDIAN]
    little = [name for name in listed if name not in BIG_ENDIAN]
    if not (big and little):
        return None
    return (
        f'{little[0]} and {big[0]} differ in byte order, and no filter can be for both (runc: "numerical argument out '
        f'of domain"). Make a profile of its own for {" and ".join(big)}.'
    )


def default_is_not_to_ask(resolved: Resolved, rules: Sequence[Syscall]) -> str | None:
    """The runtime would wait for an answer to its own calls."""
    if resolved.profile.spec.default_action != NOTIFY:
        return None
    return (
        f"{NOTIFY} cannot be the default action, as the runtime's own calls would wait too (runc: \"{NOTIFY} cannot be "
        f'used as default action"). Choose another, and name the syscalls that are to wait.'
    )


def write_does_not_ask(resolved: Resolved, rules: Sequence[Syscall]) -> str | None:
    """The runtime tells by `write` where questions come from."""
    for rule in rules:
        if rule.action == NOTIFY and "write" in rule.names:
            where = where_said(resolved, "write", _effect(rule))
            return (
                f"{where} has {NOTIFY} on write, which the runtime itself needs until somebody listens (runc: "
                f'"{NOTIFY} cannot be used for the write syscall"). Take write out of it.'
            )
    return None


def somebody_is_asked(resolved: Resolved, rules: Sequence[Syscall]) -> str | None:
    """Whoever asks needs somebody to ask."""
    if resolved.profile.spec.listener_path:
        return None
    for rule in rules:
        if rule.action == NOTIFY:
            where = where_said(resolved, rule.names[0], _effect(rule))
            return (
                f'{where} has {NOTIFY} on {rule.names[0]}, and the profile no listenerPath (runc: "listenerPath is not '
                f'set"). Set spec.listenerPath, or choose another action.'
            )
    return None


def error_numbers_exist(resolved: Resolved, rules: Sequence[Syscall]) -> str | None:
    """libseccomp refuses errno 4095 and above; a tracer's message has 16 bits. The CRD asks for the latter only."""
    for rule in rules:
        number, most = errno_of(rule), NUMBER_MAX.get(rule.action, 0)
        if number is not None and number > most:
            where = where_said(resolved, rule.names[0], _effect(rule))
            return f"{where} has errnoRet {number}, and {rule.action} takes 0 to {most}. Take a number in that range."
    return None


def no_two_collide(resolved: Resolved, rules: Sequence[Syscall]) -> str | None:
    """See `collisions`."""
    spec = resolved.profile.spec
    found = collision(rules, spec.default_action, spec.architectures)
    if found is None:
        return None
    one, other = (where_said(resolved, found.syscall, effect) for effect in (found.earlier, found.later))
    actions = f"{_told(found.earlier)} and {_told(found.later)}"
    return (
        f"{one} and {other} say different things of {found.syscall}, {actions}, {_under(found)}, and runtimes take no "
        f'such rules (runc: "file exists"). {_mended(found)}'
    )


POLICIES: tuple[Policy, ...] = (
    one_byte_order,
    default_is_not_to_ask,
    write_does_not_ask,
    somebody_is_asked,
    error_numbers_exist,
    no_two_collide,
)


# -- in words --------------------------------------------------------------------------------------------------------


def where_said(resolved: Resolved, syscall: str, effect: RuleEffect) -> str:
    """The rule of the profile, or else of a base, that says it.

    A union changes rules, and conditions are written anew: then it is the rule that names the syscall and is most like.
    """
    found = [
        (_likeness(rule, effect), f"rule {place + 1} (spec.syscalls[{place}]){of}")
        for profile, of in _everyone(resolved)
        for place, rule in enumerate(profile.spec.syscalls)
        if syscall in rule.names
    ]
    return max(found, key=lambda each: each[0], default=(0, "a rule"))[1]


def _everyone(resolved: Resolved) -> Iterator[tuple[SeccompProfile, str]]:
    yield resolved.profile, ""
    for base in resolved.stack:
        yield base, f" of base {name_of(base)}"


def _likeness(rule: Syscall, effect: RuleEffect) -> int:
    same_effect = effect_of(_effect(rule)) == effect_of(effect)
    same_conditions = rule.args == effect.args or any(tuple(args) == effect.args for args in loaded(rule.args))
    return 2 * same_effect + same_conditions


def _effect(rule: Syscall) -> RuleEffect:
    return RuleEffect(rule.action, errno_of(rule), rule.args)


def _told(effect: RuleEffect) -> str:
    return effect.action if effect.errno_ret is None else f"{effect.action} {effect.errno_ret}"


def _under(found: Collision) -> str:
    if found.is_multiplexed:
        return (
            f"which shares a number with others on {found.architecture}, where conditions on its first argument do not "
            f"count and a rule without conditions swallows no other"
        )
    if found.earlier.args == found.later.args:
        return "on the same conditions"
    if found.architecture:
        return f"on conditions of which one begins like the other, as {found.architecture} sees them"
    return "on conditions of which one begins like the other"


def _mended(found: Collision) -> str:
    if found.is_multiplexed:
        return f"Keep one of them, or take {found.architecture} out of spec.architectures."
    return "Keep one of them, or let their conditions differ in the first argument that both ask about."
