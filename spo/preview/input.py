"""What `spo explain` takes its verdicts on: profiles, pods and settings of manifests and dumps, read and checked."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any

from msgspec import Struct, ValidationError
from msgspec.structs import replace

from spo.input.apply import Applier
from spo.input.classify import Intake, sort_out
from spo.input.existing_state import notes_on_fields
from spo.input.load import BadInput, Loaded, Problem, Progress, load
from spo.input.workloads import Workload, workloads
from spo.model import kinds
from spo.model.builtin import PodUse
from spo.model.manifest import Some, from_manifest
from spo.model.resource import CRDS, PODS, SECCOMP_PROFILES, SPODS, Resource
from spo.model.seccomp import LETTING_THROUGH, SeccompProfile
from spo.model.spod import NAME as SPOD
from spo.model.spod import SecurityProfilesOperatorDaemon, SpodSpec
from spo.preview.allow_list import Given
from spo.reconcile.node_profile import files_in_use
from spo.render.bases import shipped
from spo.render.install import NAMESPACE
from spo.render.syscall_names import SYSCALL_NAMES, meant_by
from spo.report.summary import Rejected
from spo.sim.cluster import NotLoaded
from spo.testbed.world import SimulatedWorld, operator_manifests, resources

ESTABLISHED_S = 1.0  # a new kind is served a moment after its definition


class State(Struct, frozen=True):
    """How things stand, as far as the input tells."""

    profiles: list[Given]
    pods: list[PodUse]
    spod: SpodSpec  # as the operator would read it: with its defaults where there is none
    operator_namespace: str
    notes: list[str]
    workloads: list[Workload]


class NewLists(Struct, frozen=True):
    """What would be set, as the command line says it: two lists, or a file with a spod."""

    syscalls: str | None = None
    actions: str | None = None
    spod: str | None = None


def read(paths: Sequence[str], operator_namespace: str | None, progress: Progress) -> State:
    """Read manifests and dumps. Raises BadInput, also for what the API server would refuse."""
    intake = sort_out(load(paths, progress), resources())
    world, refused, not_loaded = _standing(intake, progress)
    spods = _objects(world, SPODS, SecurityProfilesOperatorDaemon, intake)
    namespace, spod = _the_one(spods, operator_namespace)
    sources = {_id(item): item for item in (*intake.wishes, *intake.present)}
    profiles = []
    for profile in _objects(world, SECCOMP_PROFILES, SeccompProfile, intake):
        item = sources[SECCOMP_PROFILES.kind, profile.metadata.namespace, profile.metadata.name]
        profiles.append(Given(profile, str(item.source), item.from_a_cluster))
    if refused and not profiles:
        raise BadInput(*map(_as_problem, refused))
    if not profiles:
        raise BadInput(Problem(", ".join(paths), "there is no SeccompProfile in it", "give the profiles, or a dump"))
    pods = [_noun(each, PodUse) for each in (*intake.present, *intake.wishes) if each.kind == PODS.kind]
    notes = [*intake.notes, *map(_left_out, (*intake.rejected, *refused)), *notes_on_fields(not_loaded)]
    assumed = sum(not each.lives for each in profiles)
    if assumed:
        many = "the profiles stand" if assumed == len(profiles) else f"{assumed} of the profiles stand"
        notes.append(f"{many} in manifests only, and are taken as installed now")
    notes += _used_and_not_given(pods, profiles, namespace)
    return State(profiles, pods, spod, namespace, notes, _workloads((*intake.present, *intake.wishes)))


def new_settings(settings: NewLists, state: State, progress: Progress) -> tuple[SpodSpec, list[str]]:
    """The settings that would be in effect, and remarks on them. Raises BadInput."""
    if settings.spod is not None:
        if settings.syscalls is not None or settings.actions is not None:
            raise BadInput(Problem("--spod", "says the lists already", "leave out --list and --actions, or --spod"))
        spec = _spod_of(settings.spod, progress)
        return spec, _unknown(spec.allowed_syscalls or ())
    if settings.syscalls is None and settings.actions is None:
        remedy = "give --list exit,exit_group,…, or --actions SCMP_ACT_ALLOW, or --spod FILE"
        raise BadInput(Problem("command line", "no list to look at", remedy))
    spec = state.spod
    notes: list[str] = []
    if settings.syscalls is not None:
        names = _words(settings.syscalls)
        notes += _unknown(names)
        spec = replace(spec, allowed_syscalls=names)
    if settings.actions is not None:
        spec = replace(spec, allowed_seccomp_actions=_actions(settings.actions))
    return spec, notes


def _workloads(items: Iterable[Loaded]) -> list[Workload]:
    try:
        return workloads(items)
    except ValidationError as error:
        raise BadInput(Problem("input", str(error), "correct the pod template")) from None


def _used_and_not_given(pods: Iterable[PodUse], profiles: Iterable[Given], namespace: str) -> list[str]:
    """A remark for each file that pods use and no profile of the input, or of the operator itself, has."""
    known = {each.profile.file for each in profiles} | {each.file for each in shipped(namespace)}
    used = Counter(file for pod in pods for file in set(files_in_use(pod)) if file not in known)
    return [
        f"operator/{file} is used by {number} {'pod' if number == 1 else 'pods'}, and no such profile is in the input: "
        "give all SeccompProfiles"
        for file, number in sorted(used.items())
    ]


# -- from manifests to objects ---------------------------------------------------------------------------------------


def _standing(intake: Intake, progress: Progress) -> tuple[SimulatedWorld, list[Rejected], NotLoaded]:
    """An API server with our kinds, where the dump's objects stand and the manifests are applied: it checks them.

    Gives the profiles that it refused, too: one bad among many is left out, not the end. A spod that it refuses is.
    """
    progress("checking the manifests")
    world = SimulatedWorld()
    world.install([obj for obj in operator_manifests(NAMESPACE) if obj["kind"] == CRDS.kind])
    world.cluster.run(ESTABLISHED_S)
    ours = kinds.written_by_users()
    left = world.cluster.load(item.object for item in intake.present if (item.api_version, item.kind) in ours)
    assert not left.objects, "our own kinds are served"
    applier = Applier(world.cluster)
    wishes = [item for item in intake.wishes if (item.api_version, item.kind) in ours]
    refusals = [(item.kind, refusal) for item in wishes if (refusal := applier.apply(item))]
    if of_spod := [refusal for kind, refusal in refusals if kind == SPODS.kind]:
        raise BadInput(*map(_as_problem, of_spod))
    return world, [refusal for _, refusal in refusals], left


def _as_problem(refused: Rejected) -> Problem:
    return Problem(refused.source, refused.message, refused.remedy, refused.object)


def _objects(world: SimulatedWorld, resource: Resource, noun: type[Some], intake: Intake) -> list[Some]:
    found = []
    for record in world.cluster.store.scan(resource.storage):
        obj = record.object()
        item = next(each for each in (*intake.wishes, *intake.present) if _id(each) == _id_of(obj))
        found.append(_noun(item, noun, obj))
    return found


def _noun(item: Loaded, noun: type[Some], obj: dict[str, Any] | None = None) -> Some:
    try:
        return from_manifest(obj or item.object, noun)
    except ValidationError as error:
        raise BadInput(Problem(str(item.source), str(error), "correct it", str(item))) from None


def _the_one(spods: Sequence[SecurityProfilesOperatorDaemon], namespace: str | None) -> tuple[str, SpodSpec]:
    """The operator's namespace, and the spod that counts there."""
    named = [each for each in spods if each.metadata.name == SPOD and namespace in (None, each.metadata.namespace)]
    if len(named) > 1:
        places = ", ".join(each.metadata.namespace for each in named)
        remedy = "name the operator's namespace with --operator-namespace"
        raise BadInput(Problem("input", f"there is a spod in each of {places}", remedy, SPODS.kind))
    return (named[0].metadata.namespace, named[0].spec) if named else (namespace or NAMESPACE, SpodSpec())


def _spod_of(path: str, progress: Progress) -> SpodSpec:
    intake = sort_out(load([path], progress), resources())
    if intake.rejected:
        raise BadInput(_as_problem(intake.rejected[0]))
    world, _, _ = _standing(intake, progress)
    spods = _objects(world, SPODS, SecurityProfilesOperatorDaemon, intake)
    found = [each for each in spods if each.metadata.name == SPOD]
    if len(found) != 1:
        what = f"there is no {SPODS.kind} `{SPOD}` in it"
        raise BadInput(Problem(path, what, "give the manifest of spod as you would apply it, or --list"))
    return found[0].spec


def _left_out(rejected: Rejected) -> str:
    return f"{rejected.object} ({rejected.source}) is left out: {rejected.message}; {rejected.remedy}"


def _id(item: Loaded) -> tuple[str, str, str]:
    return item.kind, item.namespace or "default", item.name


def _id_of(obj: dict[str, Any]) -> tuple[str, str, str]:
    return obj["kind"], obj["metadata"]["namespace"], obj["metadata"]["name"]


# -- words of the command line ---------------------------------------------------------------------------------------


def _words(text: str) -> tuple[str, ...]:
    return tuple(dict.fromkeys(text.replace(",", " ").split()))


def _actions(text: str) -> tuple[str, ...]:
    problems = []
    for name in _words(text):
        if name not in LETTING_THROUGH:
            meant = f"SCMP_ACT_{name.upper()}"
            known = ", ".join(sorted(LETTING_THROUGH))
            remedy = f"did you mean {meant}?" if meant in LETTING_THROUGH else f"use one of {known}"
            problems.append(Problem("--actions", f"{name} is no action that lets a syscall through", remedy))
    if problems:
        raise BadInput(*problems)
    return _words(text)


def _unknown(names: Iterable[str]) -> list[str]:
    """A remark on each that no kernel has."""
    found = []
    for name in names:
        if name not in SYSCALL_NAMES:
            meant = f"; did you mean {close}?" if (close := meant_by(name)) else ""
            found.append(f"no kernel we know has a syscall {name}{meant}")
    return found
