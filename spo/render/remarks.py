"""Remarks on a profile that is installed all the same: conditions on its content, with a reason and a remedy."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

from msgspec import Struct

from spo.model.listing import listed
from spo.model.reasons import remedy
from spo.model.seccomp import ARCHITECTURES, FLAGS, SeccompProfile
from spo.render.architectures import BIG_ENDIAN
from spo.render.resolve import Resolved, name_of
from spo.render.seccomp import unknown_syscalls
from spo.render.union import RuleEffect, by_name

SHOWN = 20

# What containers with the profile may fail to start over. runc: libcontainer/specconv and libcontainer/seccomp.
DEPENDS: Mapping[str, str] = {
    **{name: "only big-endian nodes load it" for name in ARCHITECTURES if name in BIG_ENDIAN},
    "SCMP_ARCH_RISCV64": "runc before 1.2 and libseccomp before 2.5 do not know it",
    "SCMP_ARCH_PARISC": "runc does not know it, as of 1.4",
    "SCMP_ARCH_PARISC64": "runc does not know it, as of 1.4",
    **dict.fromkeys(FLAGS, "runc before 1.2 takes no flags"),
    "SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV": "runc does not know it, as of 1.4",
}


class Remark(Struct, frozen=True):
    """One kind of remark: a condition, False with `reason` while `found` finds something, else True with `well`.

    `found` gives what there is, in words; nothing where there is nothing; None where the profile's bases would have to
    be known, and are not.
    """

    condition: str
    reason: str
    well: str
    well_message: str
    found: Callable[[SeccompProfile, Resolved | None], str | None]

    def message(self, profile: SeccompProfile, resolved: Resolved | None) -> str | None:
        """What is found, with what to do about it."""
        found = self.found(profile, resolved)
        return f"{found}. {remedy(self.reason)}" if found else found


def names_no_kernel_has(profile: SeccompProfile, resolved: Resolved | None) -> str:
    unknown = unknown_syscalls(profile)
    return f"no kernel we know has: {listed(unknown, SHOWN)}" if unknown else ""


def what_some_runtimes_refuse(profile: SeccompProfile, resolved: Resolved | None) -> str:
    by_why: dict[str, list[str]] = {}
    for name in (*profile.spec.architectures, *profile.spec.flags):
        if why := DEPENDS.get(name):
            by_why.setdefault(why, []).append(name)
    return "; ".join(f"{', '.join(names)}: {why}" for why, names in by_why.items())


def refusals_that_a_base_undoes(profile: SeccompProfile, resolved: Resolved | None) -> str | None:
    """What the profile's own rules refuse, or kill for, and a base lets through: the union has no such rule (B4)."""
    if resolved is None:
        return None
    by_base: dict[str, list[str]] = {}
    for name, effect in _dropped(resolved):
        base = next((each for each in resolved.stack if _lets_through(each, name)), None)
        if base is not None:
            by_base.setdefault(name_of(base), []).append(f"{name} ({effect.action})")
    return "; ".join(f"base {base} lets through: {listed(names, SHOWN)}" for base, names in by_base.items())


def _dropped(resolved: Resolved) -> Iterator[tuple[str, RuleEffect]]:
    if not resolved.stack:
        return
    kept = by_name(resolved.syscalls)
    for name, effects in by_name(resolved.profile.spec.syscalls).items():
        for effect in effects:
            if not effect.lets_through and effect not in kept.get(name, ()):
                yield name, effect


def _lets_through(base: SeccompProfile, syscall: str) -> bool:
    return any(syscall in rule.names and RuleEffect(rule.action).lets_through for rule in base.spec.syscalls)


REMARKS = (
    Remark("SyscallsKnown", "UnknownSyscalls", "AllKnown", "every name is known", names_no_kernel_has),
    Remark(
        "LoadsEverywhere", "DependsOnRuntime", "AnyRuntime", "every runtime we know takes it", what_some_runtimes_refuse
    ),
    Remark("RefusalsStand", "RefusalsDropped", "NoneDropped", "no base undoes any", refusals_that_a_base_undoes),
)
