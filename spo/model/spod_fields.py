"""The table of spod's fields: what each concerns in this release, or what it needs first; what the default spod says.

How a field looks to the API stands beside it, in `spo.model.spod`. Whatever must know every field ranges over `FIELDS`:
what is named as not built, when all profiles are looked at again, what the manager writes into the default spod.
"""

from __future__ import annotations

from enum import Enum
from typing import Any

import msgspec
from msgspec import UNSET, Struct

from spo.model.spod import DELETE, PRIORITY_CLASS, TOLERATIONS, SelinuxOptions, SpodSpec


class Concern(Enum):
    """What a field has its effect on, in this release."""

    DAEMONS = "the daemon set"
    PROFILES = "the verdict on profiles: a change has all of them looked at again"
    LATER = "nothing, before a later release"


class SpodField(Struct, frozen=True):
    """One field. `needs`: what it would take and is not there; `written`: its value in the default spod, if any."""

    name: str
    concern: Concern
    needs: str = ""
    written: Any = UNSET

    @property
    def json_name(self) -> str:
        return _JSON_NAMES[self.name]

    def of(self, spec: SpodSpec) -> Any:
        """Its value there."""
        return getattr(spec, self.name)

    def is_asked_of(self, spec: SpodSpec) -> bool:
        """Does a spod ask for something here? The default spod's word does not."""
        value = self.of(spec)
        return bool(value) and value != self.written


_JSON_NAMES = {each.name: each.encode_name for each in msgspec.structs.fields(SpodSpec)}


def of_daemons(name: str, written: Any = UNSET) -> SpodField:
    return SpodField(name, Concern.DAEMONS, written=written)


def of_profiles(name: str, written: Any = UNSET) -> SpodField:
    return SpodField(name, Concern.PROFILES, written=written)


def later(name: str, needs: str, written: Any = UNSET) -> SpodField:
    return SpodField(name, Concern.LATER, needs, written)


ENRICHER = "the log enricher is not in this release"
JSON_ENRICHER = "the JSON enricher is not in this release"
RECORDING = "recording profiles is not in this release"
WEBHOOKS = "webhooks are not in this release"
SELINUX = "SELinux profiles are not in this release"

# By feature: in this order a user is told what is not built. `enableSelinux` is not written out, since unset is a third
# answer (where the platform has it).
FIELDS: tuple[SpodField, ...] = (
    later("verbosity", "logging has one level in this release"),
    later("enable_profiling", "profiling data is not served in this release", False),
    later("enable_memory_optimization", RECORDING, False),
    later("enable_selinux", SELINUX),
    later("selinux_options", SELINUX, SelinuxOptions()),
    of_daemons("selinux_type_tag", SpodSpec().selinux_type_tag),
    later("enable_log_enricher", ENRICHER, False),
    later("log_enricher_filters", ENRICHER),
    later("log_enricher_source", ENRICHER, "auditd"),
    later("host_proc_volume_path", ENRICHER, "/proc"),
    later("enable_json_enricher", JSON_ENRICHER, False),
    later("json_enricher_filters", JSON_ENRICHER),
    later("json_enricher_options", JSON_ENRICHER),
    later("enable_bpf_recorder", RECORDING, False),
    later("enable_app_armor", "AppArmor profiles are not in this release", False),
    later("static_webhook_config", WEBHOOKS, False),
    later("webhook_options", WEBHOOKS),
    later(
        "disable_oci_artifact_signature_verification", "base profiles from registries are not in this release", False
    ),
    of_daemons("tolerations", TOLERATIONS),
    of_daemons("affinity"),
    of_daemons("priority_class_name", PRIORITY_CLASS),
    of_daemons("image_pull_secrets"),
    of_daemons("daemon_resource_requirements"),
    of_profiles("allowed_syscalls"),
    of_profiles("allowed_seccomp_actions"),
    of_profiles("non_compliant_profiles", DELETE),
)
