"""SecurityProfilesOperatorDaemon (`spod`): how the operator and its daemons are set. Flat, `v1alpha1`."""

from __future__ import annotations

from typing import Annotated, ClassVar

from msgspec import Struct, field
from msgspec.structs import replace

from spo.model.meta import Condition, ObjectMeta
from spo.model.resource import SPODS, Resource
from spo.model.rule import rule
from spo.model.scheduling import Affinity, LabelSelector, LocalObjectReference, ResourceRequirements, Toleration
from spo.model.seccomp import ACTIONS

NAME = "spod"
STATES = ("PENDING", "CREATING", "UPDATING", "RUNNING", "ERROR")
PRIORITY_CLASS = "system-node-critical"
CLASS_NAME = r"[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*"  # a DNS subdomain, as of most objects
# Where the daemons run although the node says no (docs/reference.md 6).
TOLERATIONS = (
    Toleration(key="node-role.kubernetes.io/master", operator="Exists", effect="NoSchedule"),
    Toleration(key="node-role.kubernetes.io/control-plane", operator="Exists", effect="NoSchedule"),
    Toleration(key="node.kubernetes.io/not-ready", operator="Exists", effect="NoExecute"),
)
DELETE = "Delete"
UNINSTALL = "Uninstall"


# The nested spod of newer releases. Its fields stand in the schema so that the API refuses them by name: a field that
# is not in the schema would be pruned in silence (validation Warn); and to be refused, contents must survive pruning.
NOT_IN_THIS_FORM = {
    "selinux": "enableSelinux, selinuxTypeTag and selinuxOptions",
    "enricher": "enableLogEnricher, enableJsonEnricher, enableBpfRecorder, logEnricherFilters, logEnricherSource, "
    "jsonEnricherFilters and jsonEnricherOptions",
    "webhook": "staticWebhookConfig and webhookOptions",
    "scheduling": "tolerations, affinity and priorityClassName",
    "security": "allowedSyscalls, allowedSeccompActions and disableOciArtifactSignatureVerification",
}


class SelinuxOptions(Struct, frozen=True, rename="camel", omit_defaults=True):
    """What SelinuxProfiles may build on."""

    allowed_system_profiles: Annotated[
        tuple[str, ...],
        rule("System profiles that may be inherited.", list_type="atomic", default=["container"]),
    ] = ("container",)


class WebhookOptions(Struct, frozen=True, rename="camel", omit_defaults=True):
    """What is different about one webhook."""

    name: Annotated[str, rule("Which: binding.spo.io or recording.spo.io.", min_length=1)]
    failure_policy: Annotated[
        str, rule("What happens to a pod when the webhook does not answer.", enum=("Fail", "Ignore"))
    ] = ""
    namespace_selector: Annotated[LabelSelector | None, rule("Namespaces whose pods it sees.")] = None
    object_selector: Annotated[LabelSelector | None, rule("Pods it sees.")] = None


class JsonEnricherOptions(Struct, frozen=True, rename="camel", omit_defaults=True):
    """Where the JSON enricher writes, and how much is kept."""

    audit_log_interval_seconds: Annotated[int | None, rule("Seconds that lines are collected.", minimum=1)] = None
    audit_log_path: Annotated[str, rule("The file; empty: standard output.")] = ""
    audit_log_max_size: Annotated[int | None, rule("Megabytes after which the file is rotated.", minimum=1)] = None
    audit_log_max_backups: Annotated[int | None, rule("How many old files are kept; 0: all.", minimum=0)] = None
    audit_log_max_age: Annotated[int | None, rule("Days that old files are kept; 0: for ever.", minimum=0)] = None


class SpodSpec(Struct, frozen=True, rename="camel", omit_defaults=True):
    """The settings."""

    # The fields of docs/reference.md 5, and `nonCompliantProfiles`.

    verbosity: Annotated[int, rule("How much is logged; 0: what matters.", minimum=0)] = 0
    enable_profiling: Annotated[bool, rule("Serve profiling data of the processes.")] = False
    enable_memory_optimization: Annotated[
        bool, rule('Load for recording only pods labelled spo.x-k8s.io/enable-recording: "true".')
    ] = False
    enable_selinux: Annotated[
        bool | None, rule("SELinux profiles; unset: where the platform is known to have them.")
    ] = None
    selinux_type_tag: Annotated[str, rule("SELinux type of the operator's own containers.", default="spc_t")] = "spc_t"
    selinux_options: Annotated[SelinuxOptions, rule("What SelinuxProfiles may build on.", default={})] = field(
        default_factory=SelinuxOptions
    )
    enable_log_enricher: Annotated[bool, rule("Explain audit lines by the containers they come from.")] = False
    log_enricher_filters: Annotated[str, rule("Which lines are explained: a JSON array, as text.")] = ""
    log_enricher_source: Annotated[str, rule("Where lines are read from.", enum=("auditd", "bpf"))] = ""
    enable_json_enricher: Annotated[bool, rule("Write explained audit lines as JSON.")] = False
    json_enricher_filters: Annotated[str, rule("Which lines are written: a JSON array, as text.")] = ""
    json_enricher_options: Annotated[
        JsonEnricherOptions | None, rule("Where the JSON enricher writes, and how much is kept.")
    ] = None
    enable_bpf_recorder: Annotated[bool, rule("Record profiles by eBPF.")] = False
    enable_app_armor: Annotated[bool, rule("AppArmor profiles.")] = False
    tolerations: Annotated[
        tuple[Toleration, ...] | None,
        rule(
            "Taints the daemons tolerate; unset: those of control planes, and not-ready; []: none.",
            list_type="atomic",
        ),
    ] = None
    affinity: Annotated[Affinity | None, rule("Where the daemons run.")] = None
    priority_class_name: Annotated[
        str,
        rule("Priority class of the daemons.", default=PRIORITY_CLASS, pattern=f"^({CLASS_NAME})?$", max_length=253),
    ] = PRIORITY_CLASS
    host_proc_volume_path: Annotated[
        str, rule("The node's /proc, where it is elsewhere (nested nodes).", pattern="^/proc(/.*)?$")
    ] = ""
    static_webhook_config: Annotated[bool, rule("The webhooks are not managed by the operator.")] = False
    webhook_options: Annotated[
        tuple[WebhookOptions, ...],
        rule("What is different about single webhooks.", list_type="map", list_keys=("name",)),
    ] = ()
    allowed_syscalls: Annotated[
        tuple[Annotated[str, rule(min_length=1)], ...] | None,
        rule(
            "If there are any: a profile is installed only if it lets through no syscall but these. "
            "Without the field, or empty: every syscall.",
            list_type="set",
        ),
    ] = None
    allowed_seccomp_actions: Annotated[
        tuple[Annotated[str, rule(enum=ACTIONS)], ...] | None,
        rule(
            "If there are any: which of ALLOW, LOG, TRACE and NOTIFY a profile may use. Others are always permitted.",
            list_type="atomic",
        ),
    ] = None
    non_compliant_profiles: Annotated[
        str,
        rule(
            "What becomes of an installed profile that a changed allowedSyscalls no longer permits: the object is "
            "deleted, or kept and marked rejected. Either way it leaves the nodes.",
            enum=(DELETE, UNINSTALL),
            default=DELETE,
        ),
    ] = DELETE
    image_pull_secrets: Annotated[
        tuple[LocalObjectReference, ...],
        rule("Secrets for pulling the daemons' images.", list_type="map", list_keys=("name",)),
    ] = ()
    daemon_resource_requirements: Annotated[
        ResourceRequirements | None, rule("Requests and limits of the daemon container, in place of the defaults.")
    ] = None
    disable_oci_artifact_signature_verification: Annotated[
        bool, rule("Take base profiles from registries without checking who signed them.")
    ] = False


class SpodStatus(Struct, frozen=True, rename="camel", omit_defaults=True):
    """How the daemons stand."""

    conditions: Annotated[tuple[Condition, ...], rule("Observations.", list_type="map", list_keys=("type",))] = ()
    state: Annotated[str, rule("Where the roll-out of the daemons is.", enum=STATES)] = ""


class SecurityProfilesOperatorDaemon(Struct, frozen=True, rename="camel", omit_defaults=True):
    """The settings of the operator in its namespace; only the object named `spod` there counts."""

    RESOURCE: ClassVar[Resource] = SPODS

    metadata: ObjectMeta = field(default_factory=ObjectMeta)
    spec: Annotated[SpodSpec, rule(default={})] = field(default_factory=SpodSpec)
    status: SpodStatus = field(default_factory=SpodStatus)

    def with_spec(self, spec: SpodSpec) -> SecurityProfilesOperatorDaemon:
        """The same object with other settings."""
        return replace(self, spec=spec)

    def with_status(self, status: SpodStatus) -> SecurityProfilesOperatorDaemon:
        """The same settings, standing otherwise."""
        return replace(self, status=status)
