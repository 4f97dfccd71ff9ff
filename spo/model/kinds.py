"""The table of our kinds: what is served of each, how it says its state, who may do what, what its failures are called.

Whatever must know every kind of ours ranges over `OURS`: the definitions, the rights, the doors of the nodes, metrics,
`spo try` and `spo explain`, installation and its end. What only one kind has (its decision, its marks) stands with it.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum
from typing import Any

from msgspec import Struct

from spo.model import labels, states
from spo.model.manifest import Noun
from spo.model.node_status import SecurityProfileNodeStatus
from spo.model.resource import Resource
from spo.model.seccomp import FILE_SUFFIX, PROFILE_NAME_MAX, SeccompProfile
from spo.model.spod import NOT_IN_THIS_FORM, SecurityProfilesOperatorDaemon

Verbs = tuple[str, ...]
Right = tuple[str, Verbs]  # sub-resource (empty: the object itself), and what may be done with it
Column = Mapping[str, Any]

READ = ("get", "list", "watch")
# Server-side apply is a PATCH; where the object may not be there yet, the server asks for `create` too.
APPLY = ("create", "patch")

SECCOMP_METRIC = "seccomp_profile"


class States(Struct, frozen=True):
    """The words that a kind says its state in, as far as they are not `on its way`."""

    good: str  # Ready is True
    bad: str  # something must be mended
    as_wished: frozenset[str] = frozenset()  # Ready is not True, and nobody need do anything about it


class Rights(Struct, frozen=True, kw_only=True):
    """What manager and daemons may do with the objects of a kind: in every namespace, and in the operator's own."""

    manager_everywhere: tuple[Right, ...] = ()
    manager_at_home: tuple[Right, ...] = ()
    daemon_everywhere: tuple[Right, ...] = ()
    daemon_at_home: tuple[Right, ...] = ()


class Files(Struct, frozen=True):
    """The files that objects of a kind have on the nodes, and the reason words of what fails about them."""

    suffix: str
    cannot_save: str
    cannot_remove: str


class Removed(Enum):
    """When `spo uninstall` asks for the end of a kind's objects."""

    BY_THE_OPERATOR = "while it runs: it takes them off the nodes, and lets them go"
    AFTER_THE_OPERATOR = "once it is stopped, which would make them anew"
    WITH_THEIR_OWNERS = "not at all: they go when those go"


class OurKind(Struct, frozen=True, kw_only=True):
    """One of our kinds. `by_users`: users write it, and want it to become Ready; else only the operator does."""

    noun: type[Noun]
    by_users: bool

    # How the API serves it.
    singular: str
    short: str
    columns: tuple[Column, ...]  # the first is its state
    status_subresource: bool = True
    refused: Mapping[str, str] = {}  # field of spec, and what to set in its place
    name_max: int | None = None

    states: States
    rights: Rights
    files: Files | None = None

    cannot_update: str  # the reason word of a write to the API that failed
    metric: str  # what the names of its counters begin with

    removed: Removed
    finalizer: str = ""  # of ours, if one holds its objects

    @property
    def resource(self) -> Resource:
        return self.noun.RESOURCE

    @property
    def state_path(self) -> tuple[str, ...]:
        """The way to an object's state: `("status", "state")`."""
        return tuple(self.columns[0]["jsonPath"].strip(".").split("."))


SECCOMP_FILES = Files(FILE_SUFFIX, "CannotSaveSeccompProfile", "CannotRemoveSeccompProfile")
STATUS = {"name": "Status", "type": "string", "jsonPath": ".status.status"}
AGE = {"name": "Age", "type": "date", "jsonPath": ".metadata.creationTimestamp"}
PROFILE_STATES = States(states.INSTALLED, states.ERROR, frozenset({states.DISABLED, states.PARTIAL}))

# In the order in which rights are granted, and objects removed.
OURS: tuple[OurKind, ...] = (
    OurKind(
        noun=SecurityProfilesOperatorDaemon,
        by_users=True,
        singular="securityprofilesoperatordaemon",
        short="spod",
        columns=({"name": "State", "type": "string", "jsonPath": ".status.state"},),
        refused=NOT_IN_THIS_FORM,
        states=States("RUNNING", "ERROR"),
        rights=Rights(
            manager_everywhere=(
                ("", READ),  # one in the wrong namespace is told that nobody reads it
                ("status", ("patch",)),
            ),
            manager_at_home=(("", APPLY),),  # the default spod
            daemon_at_home=(("", READ),),  # the allow list
        ),
        cannot_update="CannotUpdateSPOD",
        metric=SECCOMP_METRIC,
        removed=Removed.AFTER_THE_OPERATOR,
    ),
    OurKind(
        noun=SeccompProfile,
        by_users=True,
        singular="seccompprofile",
        short="sp",
        columns=(
            STATUS,
            AGE,
            {"name": "LocalhostProfile", "type": "string", "priority": 10, "jsonPath": ".status.localhostProfile"},
        ),
        name_max=PROFILE_NAME_MAX,
        states=PROFILE_STATES,
        rights=Rights(
            manager_everywhere=(
                ("", (*READ, "patch", "delete")),  # finalizer and annotations; A4
                ("status", ("patch",)),
            ),
            daemon_everywhere=(("", READ),),
        ),
        files=SECCOMP_FILES,
        cannot_update="CannotUpdateSeccompProfile",
        metric=SECCOMP_METRIC,
        removed=Removed.BY_THE_OPERATOR,
        finalizer=labels.PROFILE_FINALIZER,
    ),
    OurKind(
        noun=SecurityProfileNodeStatus,
        by_users=False,
        singular="securityprofilenodestatus",
        short="spns",
        columns=(
            {"name": "Status", "type": "string", "jsonPath": ".status"},
            AGE,
            {"name": "Node", "type": "string", "priority": 10, "jsonPath": ".nodeName"},
        ),
        status_subresource=False,
        states=PROFILE_STATES,
        rights=Rights(
            manager_everywhere=(("", (*READ, "patch", "delete")),),  # those of profiles and nodes that are gone
            daemon_everywhere=(("", (*READ, *APPLY)),),  # never delete: only the manager's leader does
        ),
        cannot_update="CannotUpdateNodeStatus",
        metric=SECCOMP_METRIC,
        removed=Removed.WITH_THEIR_OWNERS,
        finalizer=labels.NODE_FINALIZER,
    ),
)

# Kinds of our group that this release does not have.
LATER = frozenset({"SelinuxProfile", "RawSelinuxProfile", "AppArmorProfile", "ProfileBinding", "ProfileRecording"})


def resources() -> tuple[Resource, ...]:
    """What our kinds are called, and where they live in the API."""
    return tuple(kind.resource for kind in OURS)


def served() -> dict[tuple[str, str], Resource]:
    """The same by apiVersion and kind, as manifests name them."""
    return {(resource.api_version, resource.kind): resource for resource in resources()}


def written_by_users() -> dict[tuple[str, str], Resource]:
    """Of those, the ones that users write."""
    return {(kind.resource.api_version, kind.resource.kind): kind.resource for kind in OURS if kind.by_users}


def file_suffixes() -> tuple[str, ...]:
    """How the names of our files on the nodes end."""
    return tuple(kind.files.suffix for kind in OURS if kind.files is not None)


# A decision may be about what is no object of ours: the lease, or the profile of our own pods, which is but a file. It
# is counted as one about a SeccompProfile.


def metric_of(kind: str) -> str:
    """What the counters of a decision about such an object begin with."""
    return next((each.metric for each in OURS if each.resource.kind == kind), SECCOMP_METRIC)


def files_of(kind: str) -> Files:
    """The files that a decision about such an object writes and removes."""
    return next((each.files for each in OURS if each.resource.kind == kind and each.files), SECCOMP_FILES)
