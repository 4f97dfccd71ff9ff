"""A profile with its base profiles added: found, stacked up to 15 deep, or what is wrong with them (B0-B2)."""

from __future__ import annotations

from collections.abc import Callable

from msgspec import Struct

from spo.model.seccomp import SeccompProfile, Syscall
from spo.render.union import union

BASES_MAX = 15
REGISTRY = "oci://"

MISSING = "missing"
CYCLE = "cycle"
TOO_DEEP = "too deep"
NOT_SUPPORTED = "not supported"

Lookup = Callable[[str, str], SeccompProfile | None]


class Problem(Struct, frozen=True):
    """Why a profile's bases cannot be added: one of the four words above, what happened, and what to do about it."""

    what: str
    message: str
    remedy: str

    def __str__(self) -> str:
        return f"{self.message}. {self.remedy}"


class Resolved(Struct, frozen=True):
    """A profile, the rules it comes to, and the bases they come from, nearest first.

    With a `problem` the rules are the profile's own and must not be installed.
    """

    profile: SeccompProfile
    syscalls: tuple[Syscall, ...]
    stack: tuple[SeccompProfile, ...] = ()
    problem: Problem | None = None

    @property
    def bases(self) -> tuple[str, ...]:
        """The bases as `namespace/name`."""
        return tuple(name_of(base) for base in self.stack)


def resolve(profile: SeccompProfile, lookup: Lookup, operator_namespace: str) -> Resolved:
    """Add the bases of a profile to it.

    `lookup(namespace, name)` gives a profile or None; a base is looked for in the namespace of the profile that names
    it, then in the operator's (B0). The profile's own default action, architectures and flags stand (B1).
    """
    syscalls = profile.spec.syscalls
    stack: list[SeccompProfile] = []
    naming = profile
    while wanted := naming.spec.base_profile_name:
        base, problem = _find(naming, wanted, lookup, operator_namespace)
        if base is not None:
            problem = _stacked([name_of(each) for each in (profile, *stack)], name_of(base))
        if base is None or problem is not None:
            return Resolved(profile, profile.spec.syscalls, tuple(stack), problem)
        stack.append(base)
        syscalls = union(syscalls, base.spec.syscalls, profile.spec.default_action)
        naming = base
    return Resolved(profile, syscalls, tuple(stack))


def name_of(profile: SeccompProfile) -> str:
    """`namespace/name`, as messages and annotations name a profile."""
    return f"{profile.metadata.namespace}/{profile.metadata.name}"


def _find(
    naming: SeccompProfile, wanted: str, lookup: Lookup, operator_namespace: str
) -> tuple[SeccompProfile | None, Problem | None]:
    if wanted.startswith(REGISTRY):
        message = f"{name_of(naming)} names the base profile {wanted}, and this release takes none from a registry"
        return None, Problem(NOT_SUPPORTED, message, "Create that profile as an object, and name it.")
    own = naming.metadata.namespace
    for namespace in dict.fromkeys((own, operator_namespace)):
        if found := lookup(namespace, wanted):
            return found, None
    where = f"namespace {own}" if own == operator_namespace else f"namespaces {own} and {operator_namespace}"
    message = f"{name_of(naming)} names the base profile {wanted}, which does not exist in {where}"
    return None, Problem(MISSING, message, f"Create SeccompProfile {wanted}, or correct spec.baseProfileName.")


def _stacked(seen: list[str], base: str) -> Problem | None:
    """What is wrong with `base` on top of the stack `seen` (whose first is the profile itself)."""
    if base in seen:
        circle = " -> ".join((*seen[seen.index(base) :], base))
        return Problem(CYCLE, f"base profiles form a cycle: {circle}", "Remove spec.baseProfileName from one of them.")
    if len(seen) > BASES_MAX:
        message = f"{seen[0]} stands on more than {BASES_MAX} base profiles; the next would be {base}"
        return Problem(TOO_DEEP, message, "Merge some of them into one.")
    return None
