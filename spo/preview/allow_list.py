"""What another allow list would do to each profile: the operator's own verdicts, asked before the fact (A8)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Literal

from msgspec import Struct
from msgspec.structs import replace

from spo.cache import Cache
from spo.events import Key, Seen
from spo.input.workloads import Workload
from spo.interest import Interest
from spo.model.builtin import PodUse
from spo.model.resource import SECCOMP_PROFILES, SPODS
from spo.model.seccomp import SeccompProfile
from spo.model.spod import NAME as SPOD
from spo.model.spod import SecurityProfilesOperatorDaemon, SpodSpec
from spo.model.states import INSTALLED, TERMINATING
from spo.reconcile.node_profile import files_in_use
from spo.reconcile.profile import goes
from spo.reconcile.settings import Settings
from spo.reconcile.verdict import Verdict, judge
from spo.render.allowlist import check
from spo.render.bases import is_shipped, shipped
from spo.render.remarks import REMARKS
from spo.render.resolve import Resolved
from spo.render.syscall_names import SYSCALL_NAMES

Fate = Literal["removed", "rejected", "installed", "kept", "untouched"]
HARM: tuple[Fate, ...] = ("removed", "rejected")


class Policy(Struct, frozen=True, rename="camel"):
    """What of spod decides on profiles. Lists that are None or empty restrict nothing."""

    allowed_syscalls: tuple[str, ...] | None
    allowed_seccomp_actions: tuple[str, ...] | None
    non_compliant_profiles: str

    @staticmethod
    def of(spec: SpodSpec) -> Policy:
        return Policy(spec.allowed_syscalls, spec.allowed_seccomp_actions, spec.non_compliant_profiles)


class Offence(Struct, frozen=True, rename="camel", omit_defaults=True):
    """A syscall (empty: all, by default) that a profile lets through and must not; `base`: the base it comes from."""

    syscall: str
    action: str
    action_refused: bool = False
    base: str = ""

    @property
    def is_slip(self) -> bool:
        """No kernel has it: to be corrected where it stands, and no good on any list."""
        return bool(self.syscall) and self.syscall not in SYSCALL_NAMES


class User(Struct, frozen=True):
    """A pod that uses the profile, on its node."""

    pod: str
    node: str


class Outlook(Struct, frozen=True):
    """What becomes of one profile, and why. `users` matter to what leaves the nodes: it stays there until they go."""

    namespace: str
    name: str
    source: str  # where it stands in the input; empty: nowhere, it ships with the operator
    fate: Fate
    why: str
    shipped: bool = False  # the operator's own, in its shipped text
    offences: tuple[Offence, ...] = ()
    users: tuple[User, ...] = ()
    workloads: tuple[str, ...] = ()  # what cannot start a pod again
    remarks: tuple[str, ...] = ()  # what its conditions would say against it, whatever the list

    @property
    def slips(self) -> tuple[str, ...]:
        """The names it lists that no kernel has, if it is harmed over them."""
        return tuple(dict.fromkeys(each.syscall for each in self.offences if each.is_slip))

    @property
    def stays_on(self) -> list[str]:
        """The nodes that keep the file until the last pod there is gone (A5)."""
        return sorted({user.node for user in self.users}) if self.fate in HARM else []

    @property
    def lets_everything_through(self) -> bool:
        """No list of syscalls permits it: its default action is what is wrong."""
        return any(not each.syscall and not each.action_refused for each in self.offences)


class Given(Struct, frozen=True):
    """A profile of the input. `lives`: a server wrote it, and its status is evidence of how it stands."""

    profile: SeccompProfile
    source: str
    lives: bool


def preview(
    given: Sequence[Given],
    pods: Iterable[PodUse],
    present: SpodSpec,
    new: SpodSpec,
    operator_namespace: str,
    workloads: Sequence[Workload] = (),
) -> list[Outlook]:
    """What the policy of `new` would make of each profile that stands under that of `present`.

    The operator's own profiles are added where the input does not have them. A profile that only stands in a manifest
    is taken as installed, if `present` permits it.
    """
    known = {_id(each.profile) for each in given}
    own = [Given(each, "", lives=False) for each in shipped(operator_namespace) if _id(each) not in known]
    every = [*given, *own]
    settings = Settings(namespace=operator_namespace, identity="preview")
    before, after = (_cache(every, spec, operator_namespace) for spec in (present, new))
    users = _users(pods)
    found = [
        _outlook(each, before, after, settings, new, users.get(each.profile.file, ()))
        for each in sorted(every, key=lambda each: _id(each.profile))
    ]
    return [replace(each, workloads=_without(each, workloads)) if each.fate in HARM else each for each in found]


def _without(outlook: Outlook, workloads: Sequence[Workload]) -> tuple[str, ...]:
    """The workloads that would be without the profile's file."""
    file = f"{outlook.namespace}/{outlook.name}.json"
    return tuple(str(each) for each in workloads if file in each.files)


def missing(outlooks: Iterable[Outlook]) -> tuple[list[str], list[str]]:
    """The syscalls, and the actions, that would have to be allowed too for every profile to stay that can.

    What no kernel has is not among them: it is the profile that wants correcting.
    """
    mendable = [each for each in outlooks if each.fate in HARM and not each.lets_everything_through]
    offences = [offence for each in mendable for offence in each.offences]
    plain = [each for each in offences if each.syscall and not each.action_refused and not each.is_slip]
    syscalls = {offence.syscall for offence in plain}
    actions = {offence.action for offence in offences if offence.action_refused}
    return sorted(syscalls), sorted(actions)


# -- one profile -----------------------------------------------------------------------------------------------------


def _outlook(
    given: Given, before: Cache, after: Cache, settings: Settings, new: SpodSpec, users: tuple[User, ...]
) -> Outlook:
    was = judge(before, given.profile, settings)
    stands = _stands(given, was)
    profile = given.profile
    if stands:
        profile = profile.with_status(replace(profile.status, installed_form=was.form))
    verdict = judge(after, profile, settings)
    fate, why = _fate(profile, verdict, stands, after, settings)
    offences = _offences(verdict.resolved, new, after) if fate in HARM and verdict.resolved is not None else ()
    own = is_shipped(profile, settings.namespace)
    # Pods may wait for a file that is on no node: then nothing stays there for them.
    there = stands or given.profile.status.status == TERMINATING
    remarks = tuple(
        f"{remark.reason}: {said}" for remark in REMARKS if (said := remark.message(profile, verdict.resolved))
    )
    return Outlook(*_id(profile), given.source, fate, why, own, offences, users if there else (), remarks=remarks)


def _fate(
    profile: SeccompProfile, verdict: Verdict, stands: bool, after: Cache, settings: Settings
) -> tuple[Fate, str]:
    if profile.metadata.deleting:
        return "untouched", "it is being deleted anyway"
    if profile.partial:
        return "untouched", "it is a piece of a recording, and on no node"
    if profile.disabled:
        return "untouched", "it is disabled, and on no node"
    if verdict.state == INSTALLED:
        return ("kept" if stands else "installed"), ""
    if verdict.problem is not None and verdict.problem.reason != "ProfileNotAllowed":
        return "untouched", verdict.problem.message
    if goes(after, profile, verdict, settings):
        return "removed", ""
    return "rejected", "" if stands else "it is not installed now"


def _stands(given: Given, was: Verdict) -> bool:
    """Is its present form on the nodes? Its status tells; what only stands in a manifest is taken to be, if it may."""
    if was.state != INSTALLED and not given.lives:
        return False
    if not given.lives:
        return True
    status = given.profile.status
    return bool(was.form) and (
        status.installed_form == was.form or (status.status == INSTALLED and not status.installed_form)
    )


def _offences(resolved: Resolved, new: SpodSpec, after: Cache) -> tuple[Offence, ...]:
    own = {name for rule in resolved.profile.spec.syscalls for name in rule.names}
    found = check(resolved, new.allowed_syscalls, new.allowed_seccomp_actions)
    return tuple(
        Offence(
            each.syscall,
            each.action,
            each.action_refused,
            "" if not each.syscall or each.syscall in own else _base_of(each.syscall, resolved, after),
        )
        for each in found
    )


def _base_of(syscall: str, resolved: Resolved, after: Cache) -> str:
    """The nearest base that names the syscall."""
    for base in resolved.bases:
        namespace, _, name = base.partition("/")
        profile = after.one(SeccompProfile, namespace, name)
        if profile is not None and any(syscall in rule.names for rule in profile.spec.syscalls):
            return base
    return ""


# -- what the verdicts are taken on ------------------------------------------------------------------------------------


def _cache(every: Iterable[Given], spec: SpodSpec, namespace: str) -> Cache:
    """What the operator would know."""
    cache = Cache((Interest(SECCOMP_PROFILES, SeccompProfile), Interest(SPODS, SecurityProfilesOperatorDaemon)))
    spod = SecurityProfilesOperatorDaemon(spec=spec)
    seen = [Seen(Key(SECCOMP_PROFILES.kind, *_id(each.profile)), each.profile) for each in every]
    for event in (Seen(Key(SPODS.kind, namespace, SPOD), spod), *seen):
        cache.apply(event)
    return cache


def _users(pods: Iterable[PodUse]) -> Mapping[str, tuple[User, ...]]:
    """File → the pods on nodes that use it."""
    found: dict[str, tuple[User, ...]] = {}
    for pod in pods:
        user = User(f"{pod.metadata.namespace}/{pod.metadata.name}", pod.spec.node_name)
        for file in files_in_use(pod) if user.node else ():
            found[file] = (*found.get(file, ()), user)
    return found


def _id(profile: SeccompProfile) -> tuple[str, str]:
    return profile.metadata.namespace, profile.metadata.name
