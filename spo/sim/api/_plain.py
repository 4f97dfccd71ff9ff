"""Temporary: plain kinds until builtin/ has its table."""
from spo.model.resource import Resource
from spo.sim.api.kinds import Kind
def k(group, plural, kind, ns=True, **more):
    return Kind(resource=Resource(group, "v1", plural, kind, ns), **more)
S = frozenset({"status"})
KINDS = (
    k("", "configmaps", "ConfigMap", generation=False), k("", "events", "Event", generation=False, create_on_update=True),
    k("", "namespaces", "Namespace", False, generation=False, subresources=frozenset({"status", "finalize"})), k("", "nodes", "Node", False, generation=False, subresources=S),
    k("", "pods", "Pod", subresources=frozenset({"status", "binding", "eviction"}), returns_object_on_delete=True, supported_fields=frozenset({"metadata.name", "metadata.namespace", "spec.nodeName", "status.phase"})),
    k("", "secrets", "Secret", generation=False), k("", "services", "Service", generation=False), k("", "serviceaccounts", "ServiceAccount", generation=False, subresources=frozenset({"token"}), returns_object_on_delete=True),
    k("apps", "deployments", "Deployment", subresources=S), k("apps", "replicasets", "ReplicaSet", subresources=S), k("apps", "daemonsets", "DaemonSet", subresources=S),
    k("apps", "controllerrevisions", "ControllerRevision", generation=False), k("batch", "jobs", "Job", subresources=S), k("coordination.k8s.io", "leases", "Lease", generation=False, unconditional_update=False, create_on_update=True),
    k("rbac.authorization.k8s.io", "roles", "Role", generation=False), k("rbac.authorization.k8s.io", "rolebindings", "RoleBinding", generation=False),
    k("rbac.authorization.k8s.io", "clusterroles", "ClusterRole", False, generation=False), k("rbac.authorization.k8s.io", "clusterrolebindings", "ClusterRoleBinding", False, generation=False),
)
from spo.sim.api import definitions
class Crd(Kind, frozen=True, kw_only=True):
    def default(self, obj): definitions.default(obj)
    def prepare_create(self, obj): definitions.prepare_create(obj)
    def validate(self, obj, old): return definitions.validate(obj, old)
KINDS += (Crd(resource=Resource("apiextensions.k8s.io", "v1", "customresourcedefinitions", "CustomResourceDefinition", False), subresources=S),)
class Ns(Kind, frozen=True, kw_only=True):
    def default(self, obj):
        obj["metadata"].setdefault("labels", {}).setdefault("kubernetes.io/metadata.name", obj["metadata"].get("name", ""))
    def prepare_create(self, obj):
        obj["spec"] = {"finalizers": ["kubernetes"]}; obj["status"] = {"phase": "Active"}
    def prepare_update(self, obj, old):
        obj["spec"] = old["spec"]; obj["status"] = old["status"]
KINDS = tuple(x for x in KINDS if x.resource.plural != "namespaces") + (Ns(resource=Resource("", "v1", "namespaces", "Namespace", False), generation=False, subresources=frozenset({"status", "finalize"}), returns_object_on_delete=True, verbs=("create", "delete", "get", "list", "patch", "update", "watch")),)
