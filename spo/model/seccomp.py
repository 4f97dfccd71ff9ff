"""SeccompProfile: which syscalls a container may make, and how the profile stands in the cluster."""

from __future__ import annotations

import posixpath
from typing import Annotated, ClassVar

from msgspec import Struct, field
from msgspec.structs import replace

from spo.model import labels
from spo.model.meta import Condition, ObjectMeta
from spo.model.resource import SECCOMP_PROFILES, Resource
from spo.model.rule import rule
from spo.model.states import WORST_FIRST

# Strict to lax (docs/reference.md 3); KILL is the old name of KILL_THREAD.
STRICT_TO_LAX = (
    "SCMP_ACT_KILL_PROCESS",
    "SCMP_ACT_KILL_THREAD",
    "SCMP_ACT_KILL",
    "SCMP_ACT_TRAP",
    "SCMP_ACT_ERRNO",
    "SCMP_ACT_NOTIFY",
    "SCMP_ACT_TRACE",
    "SCMP_ACT_LOG",
    "SCMP_ACT_ALLOW",
)
ACTIONS = STRICT_TO_LAX
LETTING_THROUGH = frozenset({"SCMP_ACT_ALLOW", "SCMP_ACT_LOG", "SCMP_ACT_TRACE", "SCMP_ACT_NOTIFY"})

NATIVE = "SCMP_ARCH_NATIVE"
ARCHITECTURES = (
    NATIVE,
    "SCMP_ARCH_X86",
    "SCMP_ARCH_X86_64",
    "SCMP_ARCH_X32",
    "SCMP_ARCH_ARM",
    "SCMP_ARCH_AARCH64",
    "SCMP_ARCH_MIPS",
    "SCMP_ARCH_MIPS64",
    "SCMP_ARCH_MIPS64N32",
    "SCMP_ARCH_MIPSEL",
    "SCMP_ARCH_MIPSEL64",
    "SCMP_ARCH_MIPSEL64N32",
    "SCMP_ARCH_PPC",
    "SCMP_ARCH_PPC64",
    "SCMP_ARCH_PPC64LE",
    "SCMP_ARCH_S390",
    "SCMP_ARCH_S390X",
    "SCMP_ARCH_PARISC",
    "SCMP_ARCH_PARISC64",
    "SCMP_ARCH_RISCV64",
)
FLAGS = (
    "SECCOMP_FILTER_FLAG_TSYNC",
    "SECCOMP_FILTER_FLAG_LOG",
    "SECCOMP_FILTER_FLAG_SPEC_ALLOW",
    "SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV",
)
OPERATORS = (
    "SCMP_CMP_NE",
    "SCMP_CMP_LT",
    "SCMP_CMP_LE",
    "SCMP_CMP_EQ",
    "SCMP_CMP_GE",
    "SCMP_CMP_GT",
    "SCMP_CMP_MASKED_EQ",
)
LISTENER_PATTERN = r"^/var/run/security-profiles-operator/[A-Za-z0-9_.-]+$"

# What libseccomp takes (2.3 and later; MAX_ERRNO itself is too much), and how many bits a tracer is sent.
ERRNO_MAX = 4094
TRACER_MESSAGE_MAX = 0xFFFF

# `<name>.json` must fit into one component of a path, which Linux limits to 255 bytes.
PROFILE_NAME_MAX = 250
FILE_SUFFIX = ".json"
LOCALHOST_ROOT = "operator"


class Argument(Struct, frozen=True, rename="camel", omit_defaults=True):
    """A condition on one argument of a syscall. Several must all hold, unless two are on the same argument."""

    index: Annotated[int, rule("Which argument, from 0.", minimum=0, maximum=5)]
    op: Annotated[str, rule("How it is compared.", enum=OPERATORS)]
    value: Annotated[int, rule("What it is compared with; for MASKED_EQ the mask.", minimum=0, format="int64")] = 0
    value_two: Annotated[int, rule("For MASKED_EQ: what remains under the mask.", minimum=0, format="int64")] = 0


class Syscall(Struct, frozen=True, rename="camel", omit_defaults=True):
    """A rule: what happens on these syscalls, if the conditions on their arguments hold."""

    names: Annotated[
        tuple[Annotated[str, rule(min_length=1)], ...],
        rule("The syscalls. Names that a node's kernel does not know are ignored there.", list_type="set", min_items=1),
    ]
    action: Annotated[str, rule("What happens on them.", enum=ACTIONS)]
    errno_ret: Annotated[
        int | str | None,
        rule(
            'The error number the syscall fails with (ERRNO), or the message to the tracer (TRACE): 1 or "1".',
            pattern="^[0-9]{1,4}$",
            minimum=0,
            maximum=TRACER_MESSAGE_MAX,
        ),
    ] = None
    args: Annotated[
        tuple[Argument, ...],
        rule(
            "Conditions on the arguments; all must hold. But where an index stands twice, one of them all is enough: "
            "runtimes make a rule of each.",
            list_type="atomic",
            max_items=6,
        ),
    ] = ()


class SeccompProfileSpec(Struct, frozen=True, rename="camel", omit_defaults=True):
    """What the profile asks for."""

    default_action: Annotated[str, rule("What happens on a syscall that no rule names.", enum=ACTIONS)]
    state: Annotated[
        str,
        rule(
            "Disabled keeps the object and takes the profile off the nodes.",
            enum=("Enabled", "Disabled"),
            default="Enabled",
        ),
    ] = "Enabled"
    base_profile_name: Annotated[
        str,
        rule("Another SeccompProfile, of this namespace or the operator's, whose syscalls are added to this one's."),
    ] = ""
    architectures: Annotated[
        tuple[Annotated[str, rule(enum=ARCHITECTURES)], ...],
        rule("Architectures the filter is for, beside the node's own.", list_type="set"),
    ] = ()
    listener_path: Annotated[
        str, rule("Socket of the process that decides on SCMP_ACT_NOTIFY.", pattern=LISTENER_PATTERN)
    ] = ""
    listener_metadata: Annotated[str, rule("Handed to that process.")] = ""
    syscalls: Annotated[tuple[Syscall, ...], rule("The rules.", list_type="atomic")] = ()
    flags: Annotated[
        tuple[Annotated[str, rule(enum=FLAGS)], ...],
        rule("Flags for the loading of the filter (seccomp(2)).", list_type="set"),
    ] = ()


class SeccompProfileStatus(Struct, frozen=True, rename="camel", omit_defaults=True):
    """How the profile stands, over all nodes."""

    conditions: Annotated[tuple[Condition, ...], rule("Observations.", list_type="map", list_keys=("type",))] = ()
    status: Annotated[str, rule("The worst state of all nodes.", enum=WORST_FIRST)] = ""
    path: Annotated[str, rule("The file on the nodes, below the kubelet's directory.")] = ""
    active_workloads: Annotated[
        tuple[str, ...], rule("Pods that use the profile, as namespace/name.", list_type="set")
    ] = ()
    localhost_profile: Annotated[str, rule("What a pod writes into seccompProfile.localhostProfile.")] = ""
    installed_form: Annotated[
        str,
        rule(
            "SHA-256 of the file that once stood on all nodes: evidence that this form of the profile was installed.",
            pattern="^[0-9a-f]{64}$",
        ),
    ] = ""


class SeccompProfile(Struct, frozen=True, rename="camel", omit_defaults=True):
    """A seccomp profile for the containers of a namespace, kept as a file on every node."""

    RESOURCE: ClassVar[Resource] = SECCOMP_PROFILES

    spec: SeccompProfileSpec
    metadata: ObjectMeta = field(default_factory=ObjectMeta)
    status: SeccompProfileStatus = field(default_factory=SeccompProfileStatus)

    @property
    def file(self) -> str:
        """Its file below `<kubelet>/seccomp/operator`: `<namespace>/<name>.json`.

        Both are cut to their base names, so that no name leads out of the directory. Other than in the reference,
        `.json` is appended even to a name that ends so: profiles `a` and `a.json` must not share a file.
        """
        namespace = posixpath.basename(self.metadata.namespace)
        return posixpath.join(namespace, posixpath.basename(self.metadata.name) + FILE_SUFFIX)

    @property
    def localhost_profile(self) -> str:
        """What a pod writes into `localhostProfile` to use it: the path below `<kubelet>/seccomp`."""
        return posixpath.join(LOCALHOST_ROOT, self.file)

    @property
    def id(self) -> str:
        """The value of its label `profile-id`."""
        return labels.profile_id(self.RESOURCE.kind, self.metadata.name)

    @property
    def disabled(self) -> bool:
        """Its owner does not want it on the nodes now."""
        return self.spec.state == "Disabled"

    @property
    def partial(self) -> bool:
        """It is a piece of a recording that is not merged yet: only the label's presence counts (reference 1.2)."""
        return labels.PARTIAL in self.metadata.labels

    @property
    def reconcilable(self) -> bool:
        """It is meant to stand on the nodes."""
        return not (self.disabled or self.partial)

    def with_metadata(self, metadata: ObjectMeta) -> SeccompProfile:
        """The same profile with other metadata."""
        return replace(self, metadata=metadata)

    def with_spec(self, spec: SeccompProfileSpec) -> SeccompProfile:
        """The same object asking for something else."""
        return replace(self, spec=spec)

    def with_syscalls(self, *syscalls: Syscall) -> SeccompProfile:
        """The same object with these rules."""
        return replace(self, spec=replace(self.spec, syscalls=syscalls))

    def with_status(self, status: SeccompProfileStatus) -> SeccompProfile:
        """The same object, standing otherwise."""
        return replace(self, status=status)


def profiles_directory(kubelet_dir: str) -> str:
    """The operator's directory on a node, below which all its profiles stand."""
    return posixpath.join(kubelet_dir, "seccomp", LOCALHOST_ROOT)


def file_from_localhost(localhost_profile: str) -> str | None:
    """The file below our directory that a pod's `localhostProfile` names; None if it is not one of ours.

    Only the three parts `operator/<namespace>/<file>.json` count (docs/reference.md 4).
    """
    parts = localhost_profile.split("/")
    ours = len(parts) == 3 and parts[0] == LOCALHOST_ROOT and all(parts) and parts[2].endswith(FILE_SUFFIX)
    return posixpath.join(*parts[1:]) if ours else None
