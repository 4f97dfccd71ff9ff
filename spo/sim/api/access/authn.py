"""Who asks: bearer tokens to users."""

from __future__ import annotations

from collections.abc import Mapping

from msgspec import Struct, field

from spo.sim.api.http import Request
from spo.sim.api.status import ApiError
from spo.sim.keys import read_service_account_token

MASTERS = "system:masters"
AUTHENTICATED = "system:authenticated"
UNAUTHENTICATED = "system:unauthenticated"
POD_NAME = "authentication.kubernetes.io/pod-name"  # in a user's extra: whom the token was made for
SERVICE_ACCOUNT = "system:serviceaccount:"


class User(Struct, frozen=True):
    """Who asks. `groups` holds `system:authenticated` for everyone but the anonymous."""

    name: str
    groups: tuple[str, ...] = ()
    uid: str = ""
    extra: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    @property
    def is_master(self) -> bool:
        """May do everything."""
        return MASTERS in self.groups


ANONYMOUS = User("system:anonymous", (UNAUTHENTICATED,))
ADMIN_TOKEN = "admin-token"
BUILT_IN_TOKENS: Mapping[str, User] = {ADMIN_TOKEN: User("admin", (MASTERS, AUTHENTICATED))}


class Authenticator:
    """Known tokens, service account tokens, and `system:<component>` for the cluster's own parts."""

    def __init__(self, tokens: Mapping[str, User]) -> None:
        self._tokens = {**BUILT_IN_TOKENS, **tokens}

    def user(self, request: Request) -> User:
        """Raises ApiError 401."""
        headers = request.headers
        authorization = headers.get("Authorization") or headers.get("authorization") or ""
        scheme, _, token = authorization.partition(" ")
        token = token.strip()
        if scheme.lower() != "bearer" or not token:
            return ANONYMOUS
        user = self.by_token(token)
        if user is None:
            raise ApiError(401, "Unauthorized", "Unauthorized")
        return user

    def know(self, token: str, user: User) -> None:
        """Take this token, too, from now on."""
        self._tokens[token] = user

    def by_token(self, token: str) -> User | None:
        known = self._tokens.get(token)
        if known is None:
            known = _service_account(token) or _component(token)
            if known is not None:
                self._tokens[token] = known
        return known


def _service_account(token: str) -> User | None:
    found = read_service_account_token(token)
    if found is None:
        return None
    namespace, name, uid, pod, token_id = found
    groups = ("system:serviceaccounts", f"system:serviceaccounts:{namespace}", AUTHENTICATED)
    extra = {"authentication.kubernetes.io/credential-id": (f"JTI={token_id}",)}
    if pod:
        extra[POD_NAME] = (pod,)
    return User(f"{SERVICE_ACCOUNT}{namespace}:{name}", groups, uid, extra)


def _component(token: str) -> User | None:
    """The scheduler, controllers and kubelets; what they may do is not our subject."""
    return User(token, (MASTERS, AUTHENTICATED)) if token.startswith("system:") else None
