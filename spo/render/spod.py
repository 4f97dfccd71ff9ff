"""The default spod, and what of a spod this release cannot do yet."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from spo.model.labels import APP_LABELS
from spo.model.manifest import to_manifest
from spo.model.meta import ObjectMeta
from spo.model.spod import NAME, SecurityProfilesOperatorDaemon, SelinuxOptions, SpodSpec
from spo.render.allowlist import SHOWN_MAX
from spo.render.daemonset import TOLERATIONS
from spo.render.finding import Finding
from spo.render.syscall_names import SYSCALL_NAMES

# Written out although they are the defaults: who edits the object sees what there is to switch. `enableSelinux` is
# left out, since unset is a third answer (where the platform has it).
SWITCHES = (
    "enableProfiling",
    "enableMemoryOptimization",
    "enableLogEnricher",
    "enableJsonEnricher",
    "enableBpfRecorder",
    "enableAppArmor",
    "staticWebhookConfig",
    "disableOciArtifactSignatureVerification",
)


def default_spod(namespace: str) -> dict[str, Any]:
    """The manifest of the spod that the manager creates when there is none (reference-behaviour 2.2, step 4)."""
    metadata = ObjectMeta(name=NAME, namespace=namespace, labels=APP_LABELS)
    spec = SpodSpec(host_proc_volume_path="/proc", log_enricher_source="auditd", tolerations=TOLERATIONS)
    manifest = to_manifest(SecurityProfilesOperatorDaemon(metadata=metadata, spec=spec))
    manifest["spec"] |= dict.fromkeys(SWITCHES, False) | {
        "nonCompliantProfiles": spec.non_compliant_profiles,
        "priorityClassName": spec.priority_class_name,
        "selinuxOptions": {"allowedSystemProfiles": list(spec.selinux_options.allowed_system_profiles)},
        "selinuxTypeTag": spec.selinux_type_tag,
    }
    return manifest


ENRICHER = "the log enricher is not in this release"
JSON_ENRICHER = "the JSON enricher is not in this release"
RECORDING = "recording profiles is not in this release"
WEBHOOKS = "webhooks are not in this release"
SELINUX = "SELinux profiles are not in this release"

# Field, what it would need, and whether a spod asks for it (a default that is written out does not).
LATER: tuple[tuple[str, str, Callable[[SpodSpec], bool]], ...] = (
    ("verbosity", "logging has one level in this release", lambda spec: spec.verbosity > 0),
    ("enableProfiling", "profiling data is not served in this release", lambda spec: spec.enable_profiling),
    ("enableMemoryOptimization", RECORDING, lambda spec: spec.enable_memory_optimization),
    ("enableSelinux", SELINUX, lambda spec: bool(spec.enable_selinux)),
    ("selinuxOptions", SELINUX, lambda spec: spec.selinux_options != SelinuxOptions()),
    ("enableLogEnricher", ENRICHER, lambda spec: spec.enable_log_enricher),
    ("logEnricherFilters", ENRICHER, lambda spec: bool(spec.log_enricher_filters)),
    ("logEnricherSource", ENRICHER, lambda spec: spec.log_enricher_source not in ("", "auditd")),
    ("hostProcVolumePath", ENRICHER, lambda spec: spec.host_proc_volume_path not in ("", "/proc")),
    ("enableJsonEnricher", JSON_ENRICHER, lambda spec: spec.enable_json_enricher),
    ("jsonEnricherFilters", JSON_ENRICHER, lambda spec: bool(spec.json_enricher_filters)),
    ("jsonEnricherOptions", JSON_ENRICHER, lambda spec: spec.json_enricher_options is not None),
    ("enableBpfRecorder", RECORDING, lambda spec: spec.enable_bpf_recorder),
    ("enableAppArmor", "AppArmor profiles are not in this release", lambda spec: spec.enable_app_armor),
    ("staticWebhookConfig", WEBHOOKS, lambda spec: spec.static_webhook_config),
    ("webhookOptions", WEBHOOKS, lambda spec: bool(spec.webhook_options)),
    (
        "disableOciArtifactSignatureVerification",
        "base profiles from registries are not in this release",
        lambda spec: spec.disable_oci_artifact_signature_verification,
    ),
)


def not_built(spod: SecurityProfilesOperatorDaemon) -> tuple[Finding, ...]:
    """The fields that are set and have no effect, in the order of their features. The rest of spod is in effect."""
    return tuple(Finding(f"spec.{name}", message) for name, message, asked in LATER if asked(spod.spec))


def remarks(spod: SecurityProfilesOperatorDaemon) -> tuple[Finding, ...]:
    """The fields that are set and restrict nothing, where a reader could think that they restrict everything."""
    spec = spod.spec
    empty = (("allowedSyscalls", spec.allowed_syscalls), ("allowedSeccompActions", spec.allowed_seccomp_actions))
    return tuple(Finding(f"spec.{name}", "an empty list restricts nothing") for name, given in empty if given == ())


def misspelt(spod: SecurityProfilesOperatorDaemon) -> tuple[Finding, ...]:
    """Names on the allow list that no kernel knows: whoever meant another name allows less than he thinks."""
    unknown = sorted(set(spod.spec.allowed_syscalls or ()) - SYSCALL_NAMES)
    if not unknown:
        return ()
    more = f" and {len(unknown) - SHOWN_MAX} more" if len(unknown) > SHOWN_MAX else ""
    return (Finding("spec.allowedSyscalls", f"no kernel we know has: {', '.join(unknown[:SHOWN_MAX])}{more}"),)
