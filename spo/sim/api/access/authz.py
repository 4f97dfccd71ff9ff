"""Who may do what: RBAC, from the roles and bindings in the store (rbac.authorization.k8s.io)."""

from __future__ import annotations

from typing import Any

from msgspec import Struct

from spo.sim.api.access.authn import User
from spo.sim.api.routing import Route
from spo.sim.api.status import ApiError, forbidden, qualified
from spo.sim.store import Change, Record, Store, StoreKey

RBAC = "rbac.authorization.k8s.io"
_ROLES, _BINDINGS = f"roles.{RBAC}", f"rolebindings.{RBAC}"
_CLUSTER_ROLES, _CLUSTER_BINDINGS = f"clusterroles.{RBAC}", f"clusterrolebindings.{RBAC}"
_WATCHED = frozenset((_ROLES, _BINDINGS, _CLUSTER_ROLES, _CLUSTER_BINDINGS))


class PolicyRule(Struct, frozen=True):
    """One PolicyRule, in effect in `namespace` (empty: everywhere)."""

    namespace: str
    verbs: tuple[str, ...]
    groups: tuple[str, ...] = ()
    resources: tuple[str, ...] = ()
    names: tuple[str, ...] = ()
    paths: tuple[str, ...] = ()
    reason: str = ""  # by which binding

    def allows(self, route: Route) -> bool:
        if self.namespace and self.namespace != route.namespace:
            return False
        if not _among(route.verb, self.verbs):
            return False
        if not route.is_resource:
            return any(_path_matches(path, route.path) for path in self.paths)
        return (
            _among(route.group, self.groups)
            and self._covers(route.plural, route.subresource)
            and (not self.names or route.name in self.names)
        )

    def _covers(self, plural: str, subresource: str) -> bool:
        wanted = f"{plural}/{subresource}" if subresource else plural
        return (
            "*" in self.resources
            or wanted in self.resources
            or (bool(subresource) and f"*/{subresource}" in self.resources)
        )


# Nobody asks for them, who are allowed everything; but they are told.
_OF_MASTERS = (PolicyRule("", ("*",), groups=("*",), resources=("*",)), PolicyRule("", ("*",), paths=("*",)))


class Authorizer:
    """Answers from rules gathered once a user, until a role or a binding changes."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._rules: dict[tuple[str, tuple[str, ...]], list[PolicyRule]] = {}

    def on_change(self, change: Change) -> None:
        if change.key.resource in _WATCHED:
            self._rules.clear()

    def check(self, user: User, route: Route) -> None:
        """Raises ApiError 403, in the API server's words."""
        if not self.allowed(user, route):
            raise refusal(user, route)

    def allowed(self, user: User, route: Route) -> bool:
        return self.explain(user, route)[0]

    def explain(self, user: User, route: Route) -> tuple[bool, str]:
        """Whether, and by which binding."""
        if user.is_master:
            return True, ""
        found = next((rule for rule in self.rules(user) if rule.allows(route)), None)
        return found is not None, found.reason if found else ""

    def rules(self, user: User) -> list[PolicyRule]:
        """Every rule bound to a user or one of its groups."""
        key = (user.name, user.groups)
        found = self._rules.get(key)
        if found is None:
            found = self._rules[key] = self._gather(user)
        return found

    def _gather(self, user: User) -> list[PolicyRule]:
        rules = [
            *(_OF_MASTERS if user.is_master else ()),
        ]
        for bindings in (_CLUSTER_BINDINGS, _BINDINGS):
            for record in self._store.scan(bindings):
                binding = record.object()
                for subject in binding.get("subjects") or ():
                    if _is_subject(subject, user, record.key.namespace):
                        rules += self._role(record, binding.get("roleRef") or {}, subject)
        return rules

    def _role(self, binding: Record, reference: dict[str, Any], subject: dict[str, Any]) -> list[PolicyRule]:
        namespace = binding.key.namespace
        resource, space = (_ROLES, namespace) if reference.get("kind") == "Role" else (_CLUSTER_ROLES, "")
        record = self._store.get(StoreKey(resource, space, reference.get("name", "")))
        if record is None:
            return []
        rules = self._rules_of(record, ())
        reason = _reason(binding, reference, subject)
        return [_rule(rule, namespace, reason) for rule in rules]

    def _rules_of(self, role: Record, seen: tuple[str, ...]) -> list[dict[str, Any]]:
        """Its own; or, of one that gathers, those of the roles it selects, which may gather too."""
        obj = role.object()
        if "aggregationRule" not in obj:
            return list(obj.get("rules") or ())
        seen = (*seen, role.key.name)
        rules: list[dict[str, Any]] = []
        for selector in (obj["aggregationRule"] or {}).get("clusterRoleSelectors") or ():
            wanted = (selector.get("matchLabels") or {}).items()
            for other in self._store.scan(_CLUSTER_ROLES):
                if other.key.name not in seen and all(other.labels.get(key) == value for key, value in wanted):
                    rules += [rule for rule in self._rules_of(other, seen) if rule not in rules]
        return rules


def _reason(binding: Record, reference: dict[str, Any], subject: dict[str, Any]) -> str:
    namespace, name = binding.key.namespace, binding.key.name
    bound = f'RoleBinding "{name}/{namespace}"' if namespace else f'ClusterRoleBinding "{name}"'
    whom = subject.get("name", "")
    if subject.get("kind") == "ServiceAccount":
        whom = f"{whom}/{subject.get('namespace') or namespace}"
    role = f'{reference.get("kind")} "{reference.get("name")}"'
    return f'RBAC: allowed by {bound} of {role} to {subject.get("kind")} "{whom}"'


def _rule(rule: dict[str, Any], namespace: str, reason: str) -> PolicyRule:
    def listed(field: str) -> tuple[str, ...]:
        return tuple(rule.get(field) or ())

    return PolicyRule(
        namespace,
        listed("verbs"),
        listed("apiGroups"),
        listed("resources"),
        listed("resourceNames"),
        listed("nonResourceURLs"),
        reason,
    )


def _is_subject(subject: dict[str, Any], user: User, namespace: str) -> bool:
    name = subject.get("name", "")
    match subject.get("kind"):
        case "ServiceAccount":
            return user.name == f"system:serviceaccount:{subject.get('namespace') or namespace}:{name}"
        case "Group":
            return name in user.groups
        case "User":
            return bool(name == user.name)
    return False


def _path_matches(pattern: str, path: str) -> bool:
    return path.startswith(pattern[:-1]) if pattern.endswith("*") else path == pattern


def _among(value: str, allowed: tuple[str, ...]) -> bool:
    return value in allowed or "*" in allowed


def refusal(user: User, route: Route, more: str = "") -> ApiError:
    """403, in the API server's words (responsewriters, ForbiddenStatusError); `more`: a reason that is not RBAC's."""
    more = f": {more}" if more else ""
    if not route.is_resource:
        text = f'forbidden: User "{user.name}" cannot {route.verb} path "{route.path}"{more}'
        return ApiError(403, "Forbidden", text, {})
    what = f"{route.plural}/{route.subresource}" if route.subresource else route.plural
    where = f'in the namespace "{route.namespace}"' if route.namespace else "at the cluster scope"
    why = f'User "{user.name}" cannot {route.verb} resource "{what}" in API group "{route.group}" {where}{more}'
    if route.name:
        return forbidden(route.plural, route.group, route.name, why)
    details = {"group": route.group, "kind": route.plural} if route.group else {"kind": route.plural}
    return ApiError(403, "Forbidden", f"{qualified(route.plural, route.group)} is forbidden: {why}", details)
