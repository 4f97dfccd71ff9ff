"""SecurityProfileNodeStatus: how one profile stands on one node. Each daemon owns those of its node."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, ClassVar

from msgspec import Struct, field
from msgspec.structs import replace

from spo.model import labels
from spo.model.meta import ObjectMeta
from spo.model.resource import NODE_STATUSES, Resource
from spo.model.rule import rule
from spo.model.states import PENDING, WORST_FIRST


class SecurityProfileNodeStatus(Struct, frozen=True, rename="camel", omit_defaults=True):
    """The state of one profile on one node. Both facts stand at the top level; there is no status sub-resource."""

    RESOURCE: ClassVar[Resource] = NODE_STATUSES

    node_name: Annotated[str, rule("The node.", min_length=1)]
    metadata: ObjectMeta = field(default_factory=ObjectMeta)
    # Written out even when it is Pending: who reads the object must not have to know our default.
    status: Annotated[str, rule("The profile's state there.", enum=WORST_FIRST)] = ""

    def with_state(self, state: str) -> SecurityProfileNodeStatus:
        """The same profile on the same node, in this state (field and label)."""
        return replace(self, status=state, metadata=self.metadata.with_label(labels.PROFILE_STATE, state))

    def with_metadata(self, metadata: ObjectMeta) -> SecurityProfileNodeStatus:
        """The same with other metadata."""
        return replace(self, metadata=metadata)


def name_of(kind: str, profile: str, namespace: str, node: str) -> str:
    """The object's name: `<kind>-<profile>-<hash8 of profile, namespace, node>`, in lower case, within 253 characters.

    The hash tells apart what the readable part does not: `a-b` on `c` and `a` on `b-c`, and long names that were cut.
    """
    tail = labels.digest(profile, namespace, node)[:8]
    head = f"{kind}-{profile}".lower()[: labels.NAME_MAX - len(tail) - 1]
    return f"{head.rstrip('-.')}-{tail}"


def labels_of(kind: str, profile: str, node: str, state: str) -> Mapping[str, str]:
    """The labels of the object, by which profiles find their node statuses and daemons their own."""
    return {
        labels.PROFILE_ID: labels.profile_id(kind, profile),
        labels.PROFILE_KIND: kind,
        labels.PROFILE_STATE: state,
        labels.NODE_NAME: labels.label_value(node),
    }


def node_status(kind: str, profile: str, namespace: str, node: str, state: str = PENDING) -> SecurityProfileNodeStatus:
    """The object for a profile on a node, complete with name, labels and the daemon's finalizer."""
    metadata = ObjectMeta(
        name=name_of(kind, profile, namespace, node),
        namespace=namespace,
        labels=labels_of(kind, profile, node, state),
        finalizers=(labels.NODE_FINALIZER,),
    )
    return SecurityProfileNodeStatus(node_name=node, metadata=metadata, status=state)
