"""A value for each setting of spod, and what of the daemons' pods then is so: every setting stands in one table."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from scenarios.manifests import Manifest

LINUX = {"key": "kubernetes.io/os", "operator": "In", "values": ["linux"]}
RESOURCES = {"requests": {"memory": "256Mi", "cpu": "250m"}, "limits": {"memory": "512Mi", "cpu": "500m"}}


def on_nodes(*demands: Manifest) -> Manifest:
    """Affinity to nodes of which all of these hold."""
    terms = {"nodeSelectorTerms": [{"matchExpressions": [*demands]}]}
    return {"nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": terms}}


def types(pod: Manifest) -> set[str]:
    """The SELinux types of its containers, of both sorts."""
    containers = (*pod.get("initContainers", ()), *pod["containers"])
    return {each["securityContext"]["seLinuxOptions"]["type"] for each in containers}


# Setting → a value for it, and what of the daemons' pods then is so.
Effect = Callable[[Manifest], bool]
IN_EFFECT: dict[str, tuple[Any, Effect]] = {
    "selinuxTypeTag": ("unconfined_t", lambda pod: types(pod) == {"unconfined_t"}),
    "tolerations": ([{"operator": "Exists"}], lambda pod: pod.get("tolerations") == [{"operator": "Exists"}]),
    "affinity": (on_nodes(LINUX), lambda pod: pod.get("affinity") == on_nodes(LINUX)),
    "priorityClassName": (
        "system-cluster-critical",
        lambda pod: pod["priorityClassName"] == "system-cluster-critical",
    ),
    "imagePullSecrets": ([{"name": "registry"}], lambda pod: pod.get("imagePullSecrets") == [{"name": "registry"}]),
    "daemonResourceRequirements": (RESOURCES, lambda pod: pod["containers"][0]["resources"] == RESOURCES),
}
# These are about profiles (chapter A); the daemons read them from spod, and go on.
ABOUT_PROFILES = {
    "allowedSyscalls": ["exit_group", "nanosleep"],
    "allowedSeccompActions": ["SCMP_ACT_ALLOW"],
    "nonCompliantProfiles": "Uninstall",
}
REFUSED = {
    "verbosity": 1,
    "enableProfiling": True,
    "enableMemoryOptimization": True,
    "enableSelinux": True,
    "selinuxOptions": {"allowedSystemProfiles": ["container", "net_container"]},
    "enableLogEnricher": True,
    "logEnricherFilters": "[]",
    "logEnricherSource": "bpf",
    "enableJsonEnricher": True,
    "jsonEnricherFilters": "[]",
    "jsonEnricherOptions": {"auditLogPath": "/var/log/spo.json"},
    "enableBpfRecorder": True,
    "enableAppArmor": True,
    "hostProcVolumePath": "/proc/1/root",
    "staticWebhookConfig": True,
    "webhookOptions": [{"name": "binding.spo.io", "failurePolicy": "Ignore"}],
    "disableOciArtifactSignatureVerification": True,
}

VALUES: dict[str, Any] = {name: value for name, (value, _) in IN_EFFECT.items()} | ABOUT_PROFILES | REFUSED
