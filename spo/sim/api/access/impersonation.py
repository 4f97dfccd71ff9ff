"""Whom one user may be taken for: `Impersonate-User`, `-Group`, `-Uid`, `-Extra-…`.

As in Kubernetes 1.36 (apiserver, filters/impersonation): first the constrained modes (KEP 5284), which ask for
the right to impersonate in that mode and for the right to do just this in it (`impersonate-on:user-info:list` pods);
then the old one, which asks for the verb `impersonate` alone. If none allows it, the first refusal is the answer.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from urllib.parse import unquote

from msgspec import Struct
from msgspec.structs import replace

from spo.sim.api.access.authn import ANONYMOUS, AUTHENTICATED, MASTERS, SERVICE_ACCOUNT, UNAUTHENTICATED, User
from spo.sim.api.access.authz import refusal
from spo.sim.api.http import Request
from spo.sim.api.names import label_faults, subdomain_faults
from spo.sim.api.routing import Route
from spo.sim.api.status import ApiError, bad_request

Allows = Callable[[User, Route], bool]
Check = tuple[Route, str]  # what the requestor must be allowed, and why it cannot be, whatever it is allowed

AUTHENTICATION = "authentication.k8s.io"
EXTRA = "Impersonate-Extra-"
NODE = "system:node:"
NODE_OF_REQUESTOR = "authentication.kubernetes.io/node-name"


class Mode(Struct, frozen=True):
    """One way to impersonate. `fits(wanted, requestor)`: is it for such a user?"""

    name: str
    fits: Callable[[User, User], bool]
    constrained: bool = True

    @property
    def verb(self) -> str:
        return f"impersonate:{self.name}" if self.constrained else "impersonate"

    def checks(self, wanted: User, asked: Route) -> Iterator[Check]:
        """In the order in which a real server makes them."""
        if self.constrained:
            yield replace(asked, verb=f"impersonate-on:{self.name}:{asked.verb}"), ""
        yield self._of_name(wanted.name), ""
        if wanted.uid:
            yield self._right("uids", wanted.uid, AUTHENTICATION), ""
        for group in wanted.groups:
            yield self._right("groups", group, self._group), self._why_not(group)
        for key, values in wanted.extra.items():
            for value in values:
                yield replace(self._right("userextras", value, AUTHENTICATION), subresource=key), ""

    def taken(self, wanted: User) -> User:
        """The user, with the groups that come with the name."""
        groups = wanted.groups
        if not groups and (account := account_of(wanted.name)):
            groups = ("system:serviceaccounts", f"system:serviceaccounts:{account[0]}")
        elif self.constrained and node_of(wanted.name):
            groups = ("system:nodes",)
        known = UNAUTHENTICATED if wanted.name == ANONYMOUS.name else AUTHENTICATED
        if known not in groups and UNAUTHENTICATED not in groups:
            groups = (*groups, known)
        return replace(wanted, groups=groups)

    @property
    def _group(self) -> str:
        return AUTHENTICATION if self.constrained else ""

    def _of_name(self, name: str) -> Route:
        if account := account_of(name):
            return replace(self._right("serviceaccounts", account[1], self._group), namespace=account[0])
        node = node_of(name) if self.constrained else ""
        if node:
            return self._right("nodes", "*" if self.name == "associated-node" else node, self._group)
        return self._right("users", name, self._group)

    def _right(self, plural: str, name: str, group: str) -> Route:
        return Route("", self.verb, group, "v1", "", plural, name)

    def _why_not(self, group: str) -> str:
        if not self.constrained or group not in ("", MASTERS):
            return ""
        return f"impersonating the {f'{group} group' if group else 'empty string group'} is not allowed"


def account_of(name: str) -> tuple[str, str] | None:
    """Namespace and name, if this is a service account's user name."""
    namespace, _, account = name.removeprefix(SERVICE_ACCOUNT).partition(":")
    if not name.startswith(SERVICE_ACCOUNT) or label_faults(namespace) or subdomain_faults(account):
        return None
    return namespace, account


def node_of(name: str) -> str:
    """The node, if this is a kubelet's user name."""
    node = name.removeprefix(NODE)
    return node if name.startswith(NODE) and not subdomain_faults(node) else ""


def _only_named(wanted: User) -> bool:
    return not (wanted.uid or wanted.groups or wanted.extra)


def _on_that_node(wanted: User, requestor: User) -> bool:
    node = node_of(wanted.name)
    own = account_of(requestor.name) is not None and requestor.extra.get(NODE_OF_REQUESTOR) == (node,)
    return bool(node) and own and _only_named(wanted)


MODES = (
    Mode("associated-node", _on_that_node),
    Mode("arbitrary-node", lambda wanted, _: bool(node_of(wanted.name)) and _only_named(wanted)),
    Mode("serviceaccount", lambda wanted, _: account_of(wanted.name) is not None and _only_named(wanted)),
    Mode("user-info", lambda wanted, _: not node_of(wanted.name) and account_of(wanted.name) is None),
    Mode("", lambda _wanted, _requestor: True, constrained=False),
)


class Impersonation:
    """Decides whom a request is from. The mode that served a requestor last is tried first, and refuses first, too."""

    def __init__(self, allows: Allows) -> None:
        self._allows = allows
        self._last: dict[str, Mode] = {}

    def user(self, request: Request, requestor: User, asked: Route) -> User:
        """Who the request is from, in the end. Raises ApiError 400 without a user name, 403."""
        wanted = _wanted(request.headers)
        if wanted is None:
            return requestor
        first: ApiError | None = None
        for mode in sorted(MODES, key=lambda mode: mode is not self._last.get(requestor.name)):
            if not mode.fits(wanted, requestor):
                continue
            refused = _refused(mode, wanted, requestor, asked, self._allows)
            if refused is None:
                self._last[requestor.name] = mode
                return mode.taken(wanted)
            first = first or refused
        assert first is not None  # the last mode fits everyone
        raise first


def _refused(mode: Mode, wanted: User, requestor: User, asked: Route, allows: Allows) -> ApiError | None:
    for right, why in mode.checks(wanted, asked):
        if why or not allows(requestor, right):
            return refusal(requestor, right, why)
    return None


def _wanted(headers: Mapping[str, str]) -> User | None:
    """What the headers ask for; one that came more than once has its values on lines of their own."""
    name, uid = headers.get("Impersonate-User", ""), headers.get("Impersonate-Uid", "")
    group_lines = headers.get("Impersonate-Group")
    groups = tuple(group_lines.split("\n")) if group_lines is not None else ()
    extra = {
        unquote(header.removeprefix(EXTRA).lower()): tuple(value.split("\n"))
        for header, value in headers.items()
        if header.startswith(EXTRA)
    }
    if name:
        return User(name, groups, uid, extra)
    if not (uid or groups or extra):
        return None
    shown = (
        f'&user.DefaultInfo{{Name:"", UID:{_quoted(uid)}, Groups:[]string{_listed(groups) or "(nil)"}, '
        f"Extra:map[string][]string{_mapped(extra) or '(nil)'}}}"
    )
    raise bad_request(f"requested {shown} without impersonating a user name")


def _quoted(text: str) -> str:
    return f'"{text}"'


def _listed(values: tuple[str, ...]) -> str:
    return f"{{{', '.join(map(_quoted, values))}}}" if values else ""


def _mapped(extra: Mapping[str, tuple[str, ...]]) -> str:
    """As Go's %#v writes a map: in the order of its keys."""
    if not extra:
        return ""
    return "{" + ", ".join(f"{_quoted(key)}:[]string{_listed(extra[key])}" for key in sorted(extra)) + "}"
