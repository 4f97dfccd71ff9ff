"""The settings of the Helm chart. Their defaults are those of the plain manifests; their schema refuses all else."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

from msgspec import Struct, field

from spo.model.crd import schema_of
from spo.model.labels import APP_LABELS
from spo.model.rule import rule
from spo.model.scheduling import Affinity, LocalObjectReference, ResourceRequirements, Toleration
from spo.render.install import (
    IMAGE,
    KUBELET_DIR,
    NODE_SELECTOR,
    POD_SECURITY,
    PULL_POLICY,
    REPLICAS,
    RESOURCES,
)
from spo.render.own_profile import SELINUX_TYPE
from spo.render.uninstall_hook import DEADLINE_S

Schema = dict[str, Any]

# Helm's own: what a parent chart hands to all its charts. Nothing here reads it, but it must not be refused.
GLOBAL: Schema = {"type": "object", "description": "Values that a parent chart shares; this chart reads none."}


class Image(Struct, frozen=True, rename="camel", kw_only=True):
    """Which image, and when it is pulled."""

    repository: Annotated[
        str, rule("Registry and name, without tag.", pattern=r"^[a-z0-9]([a-zA-Z0-9._:/-]*[a-zA-Z0-9])?$")
    ]
    tag: Annotated[
        str, rule("Tag; not used where there is a digest.", pattern=r"^([a-zA-Z0-9_][a-zA-Z0-9._-]{0,127})?$")
    ] = ""
    digest: Annotated[str, rule("Digest, which names one image for ever.", pattern=r"^(sha256:[0-9a-f]{64})?$")] = ""
    pull_policy: Annotated[str, rule("When nodes pull it.", enum=("Always", "IfNotPresent", "Never"))] = PULL_POLICY

    @staticmethod
    def named(reference: str) -> Image:
        """The image of a reference as it stands in a container: repository, and a tag or a digest or neither."""
        name, _, digest = reference.partition("@")
        start, colon, last = name.rpartition(":")
        if not colon or "/" in last:  # a port, not a tag
            return Image(repository=name, digest=digest)
        return Image(repository=start, tag=last, digest=digest)


class Manager(Struct, frozen=True, rename="camel"):
    """Settings of the manager's Deployment."""

    replicas: Annotated[int, rule("How many run; one of them leads. 0: the operator rests.", minimum=0)] = REPLICAS
    resources: Annotated[ResourceRequirements, rule("What each is given.")] = RESOURCES
    node_selector: Annotated[Mapping[str, str], rule("Labels of the nodes that they may run on.")] = field(
        default_factory=lambda: dict(NODE_SELECTOR)
    )
    tolerations: Annotated[tuple[Toleration, ...], rule("Taints that do not keep them away.")] = ()
    affinity: Annotated[Affinity, rule("Where they must or would rather run.")] = Affinity()
    selinux_type_tag: Annotated[
        str, rule("SELinux type of its init container, which writes to the node. (The daemons' type stands in `spod`.)")
    ] = SELINUX_TYPE


class Namespace(Struct, frozen=True, rename="camel"):
    """Whether and how the chart makes the release's namespace."""

    create: Annotated[bool, rule("Make it part of the chart, for tools that apply what Helm renders.")] = False
    labels: Annotated[Mapping[str, str], rule("Its labels, if the chart makes it.")] = field(
        default_factory=lambda: {**APP_LABELS, **POD_SECURITY}
    )


class UninstallHook(Struct, frozen=True, rename="camel"):
    """The Job that runs before the release is uninstalled."""

    enabled: Annotated[
        bool, rule("Delete every profile, and clean the nodes, before Helm deletes what it has installed.")
    ] = True
    active_deadline_seconds: Annotated[
        int, rule("How long it may take. More than the default needs a longer `--timeout` of Helm's, too.", minimum=1)
    ] = DEADLINE_S


class Values(Struct, frozen=True, rename="camel"):
    """Settings of the chart. What is not here is refused."""

    image: Annotated[Image, rule("The operator's image: of the manager, and of the daemons that it starts.")] = (
        Image.named(IMAGE)
    )
    image_pull_secrets: Annotated[
        tuple[LocalObjectReference, ...],
        rule("Secrets for pulling the image, in the release's namespace; for manager and daemons."),
    ] = ()
    kubelet_dir: Annotated[
        str, rule("The kubelets' directory, the same on every node.", pattern=r"^(/[A-Za-z0-9._-]+)+$")
    ] = KUBELET_DIR
    base_profiles: Annotated[bool, rule("Install the base profiles that ship with the operator.")] = True
    manager: Annotated[
        Manager, rule("The manager's Deployment. The daemons have such settings in the object `spod`.")
    ] = Manager()
    namespace: Annotated[
        Namespace,
        rule("The namespace of the release. Helm needs it before it installs, so it is made elsewhere as a rule."),
    ] = Namespace()
    uninstall_hook: Annotated[UninstallHook, rule("What is done before the release is uninstalled.")] = UninstallHook()


def schema() -> Schema:
    """`values.schema.json`: the types and rules of Values as a JSON Schema that knows no other field."""
    made: Schema = _closed(schema_of(Values))
    made["properties"]["global"] = GLOBAL
    return {"$schema": "http://json-schema.org/draft-07/schema#", "title": "security-profiles-operator", **made}


def _closed(part: Any) -> Any:
    """A structural schema as a JSON Schema: without what only the API server reads, and no field but the named ones."""
    if isinstance(part, list):
        return [_closed(each) for each in part]
    if not isinstance(part, dict):
        return part
    kept = {name: _closed(value) for name, value in part.items() if not name.startswith("x-kubernetes-")}
    kept.pop("format", None)
    if isinstance(kept.get("properties"), dict):
        kept["additionalProperties"] = False
    return kept
