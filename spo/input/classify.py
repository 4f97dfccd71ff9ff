"""What to do with each object of the input: it is the present state, a wish, or taken as given; or it is a mistake."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from difflib import get_close_matches

from msgspec import Struct, field

from spo.input.load import BadInput, Loaded, Problem
from spo.model import kinds
from spo.model.resource import GROUP, SPODS, Resource
from spo.report.summary import Rejected

Served = Mapping[tuple[str, str], Resource]  # by apiVersion and kind

# What a cluster of today has built in. A kind of these groups that is neither here nor served is a typing mistake.
BUILT_IN = {
    "": "Binding ComponentStatus ConfigMap Endpoints Event LimitRange Namespace Node PersistentVolume "
    "PersistentVolumeClaim Pod PodTemplate ReplicationController ResourceQuota Secret Service ServiceAccount",
    "admissionregistration.k8s.io": "MutatingAdmissionPolicy MutatingAdmissionPolicyBinding "
    "MutatingWebhookConfiguration ValidatingAdmissionPolicy ValidatingAdmissionPolicyBinding "
    "ValidatingWebhookConfiguration",
    "apiextensions.k8s.io": "CustomResourceDefinition",
    "apiregistration.k8s.io": "APIService",
    "apps": "ControllerRevision DaemonSet Deployment ReplicaSet StatefulSet",
    "autoscaling": "HorizontalPodAutoscaler",
    "batch": "CronJob Job",
    "certificates.k8s.io": "CertificateSigningRequest ClusterTrustBundle PodCertificateRequest",
    "coordination.k8s.io": "Lease LeaseCandidate",
    "discovery.k8s.io": "EndpointSlice",
    "events.k8s.io": "Event",
    "flowcontrol.apiserver.k8s.io": "FlowSchema PriorityLevelConfiguration",
    "networking.k8s.io": "IPAddress Ingress IngressClass NetworkPolicy ServiceCIDR",
    "node.k8s.io": "RuntimeClass",
    "policy": "PodDisruptionBudget",
    "rbac.authorization.k8s.io": "ClusterRole ClusterRoleBinding Role RoleBinding",
    "resource.k8s.io": "DeviceClass DeviceTaintRule ResourceClaim ResourceClaimTemplate ResourceSlice",
    "scheduling.k8s.io": "PriorityClass Workload",
    "storage.k8s.io": "CSIDriver CSINode CSIStorageCapacity StorageClass VolumeAttachment VolumeAttributesClass",
    "storagemigration.k8s.io": "StorageVersionMigration",
}


class Intake(Struct):
    """The input, sorted. `given`: what nobody simulates, by kind."""

    present: list[Loaded] = field(default_factory=list)
    wishes: list[Loaded] = field(default_factory=list)
    given: Counter[str] = field(default_factory=Counter)
    rejected: list[Rejected] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def notes_on_given(self) -> list[str]:
        """What to say of what nobody simulates; nothing if all is simulated."""
        kinds = ", ".join(f"{number:,} {kind}" for kind, number in sorted(self.given.items()))
        return [f"taken as given, not simulated: {kinds}"] if kinds else []


def sort_out(loaded: Sequence[Loaded], served: Served, before: Iterable[Loaded] = ()) -> Intake:
    """Sort the input; `before`: what is applied before it, and may define kinds. Raises BadInput: kinds that cannot
    exist, two spods.
    """
    intake, problems = Intake(), []
    defined = _defined_kinds([*before, *loaded])
    for item in _without_repetition(loaded, intake.notes):
        group = item.api_version.rpartition("/")[0]
        if (item.api_version, item.kind) in served or (group, item.kind) in defined:
            (intake.present if item.from_a_cluster else intake.wishes).append(item)
        elif problem := _mistake(item, group, served):
            problems.append(problem)
        elif group == GROUP:
            intake.rejected.append(_not_in_this_release(item, served))
        else:
            intake.given[item.kind] += 1
    problems += _two_spods(intake.wishes)
    if problems:
        raise BadInput(*problems)
    return intake


def _defined_kinds(loaded: Iterable[Loaded]) -> set[tuple[str, str]]:
    """Groups and kinds that a CustomResourceDefinition of the input defines."""
    found = set()
    for item in loaded:
        spec = item.object.get("spec")
        if item.kind == "CustomResourceDefinition" and isinstance(spec, dict):
            names = spec.get("names")
            found.add((str(spec.get("group")), str(names.get("kind")) if isinstance(names, dict) else ""))
    return found


def _known(group: str) -> set[str]:
    """The kinds of a group, served or not, whatever the version; of a group that we know nothing of, none."""
    if group == GROUP:
        return {*kinds.LATER, *(resource.kind for resource in kinds.resources())}
    return set(BUILT_IN.get(group, "").split())


def _mistake(item: Loaded, group: str, served: Served) -> Problem | None:
    """A kind that no cluster has, in a group whose kinds we know."""
    known = _known(group)
    if item.kind in known or not known:
        return None
    known |= {kind for _, kind in served} if group in ("", GROUP) else set()
    close = get_close_matches(item.kind, known, 1, 0.6)
    remedy = f"did you mean {close[0]}?" if close else "check the spelling of kind and apiVersion"
    subject = f"{item.kind} {item.name}"
    return Problem(str(item.source), f"`{item.api_version}` has no kind {item.kind}", remedy, subject, "kind")


def _not_in_this_release(item: Loaded, served: Served) -> Rejected:
    versions = [version for version, kind in served if kind == item.kind and version.startswith(GROUP)]
    if versions:
        text = f"this release does not serve {item.api_version} of {item.kind}"
        return Rejected(
            str(item), str(item.source), text, f"write it as {versions[0]}, as `spo convert {item.source.file}` does"
        )
    text = f"{item.kind} is not in this release"
    return Rejected(str(item), str(item.source), text, "leave it out; the rest of the input is tried without it")


def _two_spods(wishes: Iterable[Loaded]) -> list[Problem]:
    spods = [item for item in wishes if item.kind == SPODS.kind]
    if len({(item.namespace, item.name) for item in spods}) < 2:
        return []
    places = ", ".join(f"{item.namespace}/{item.name} ({item.source})".lstrip("/") for item in spods)
    what = f"there is more than one: {places}"
    remedy = "the operator reads one, `spod` in its own namespace: put all settings there, leave the others out"
    return [Problem(str(spods[1].source), what, remedy, SPODS.kind, "metadata.name")]


# -- the same object more than once -------------------------------------------------------------------------------


def _without_repetition(loaded: Sequence[Loaded], notes: list[str]) -> list[Loaded]:
    """A dump may hold an object twice: the newer one counts. A person's second wish follows the first, with a note."""
    place: dict[tuple[str, ...], int] = {}
    result: list[Loaded] = []
    dumped_twice = 0
    for item in loaded:
        at = place.setdefault(_identity(item), len(result))
        if at == len(result):
            result.append(item)
            continue
        first = result[at]
        if item.from_a_cluster:
            dumped_twice += 1
            if _version(item) > _version(first):
                result[at] = item
        elif item.object == first.object:
            notes.append(f"{item} is given twice, word for word: {first.source} and {item.source}")
        else:
            notes.append(f"{item} is given twice: {first.source} and, applied after it, {item.source}")
            result.append(item)
    if dumped_twice:
        objects = "1 object" if dumped_twice == 1 else f"{dumped_twice:,} objects"
        notes.append(f"{objects} of the dump stand in it more than once: the newest of each was taken")
    return result


def _identity(item: Loaded) -> tuple[str, ...]:
    group = item.api_version.rpartition("/")[0]
    generated = "" if item.object["metadata"].get("name") else str(item.source)  # each is an object of its own
    return ("dump" if item.from_a_cluster else "wish", group, item.kind, item.namespace, item.name, generated)


def _version(item: Loaded) -> int:
    text = str(item.object["metadata"].get("resourceVersion") or "")
    return int(text) if text.isdigit() else 0
