"""Names nobody has used yet: uids, suffixes and bearer tokens, the same for the same seed."""

from __future__ import annotations

import random

SAFE_LETTERS = "bcdfghjklmnpqrstvwxz2456789"  # k8s.io/apimachinery/pkg/util/rand: no vowels, no words
_ACCOUNT = "serviceaccount-token"


class Keys:
    """Symbolic secrets. Nothing here is secret: in a simulated cluster a token is a text that says whose it is."""

    def __init__(self, rng: random.Random) -> None:
        self._rng = rng

    def uid(self) -> str:
        """A UUID of version 4."""
        text = f"{self._rng.getrandbits(128):032x}"
        variant = "89ab"[int(text[16], 16) & 3]
        return f"{text[:8]}-{text[8:12]}-4{text[13:16]}-{variant}{text[17:20]}-{text[20:]}"

    def suffix(self) -> str:
        """Five characters, as `generateName` and controllers append them."""
        return "".join(self._rng.choice(SAFE_LETTERS) for _ in range(5))

    def service_account_token(self, namespace: str, name: str, uid: str = "", pod: str = "") -> str:
        """A token that authenticates as `system:serviceaccount:<namespace>:<name>`; `pod` is whom it was made for."""
        return "/".join((_ACCOUNT, namespace, name, uid, pod, self.uid()))


def read_service_account_token(token: str) -> tuple[str, str, str, str, str] | None:
    """Namespace, name, uid, pod and token id of a service account's token; None if it is not one."""
    parts = token.split("/")  # which no name has
    if parts[0] != _ACCOUNT or len(parts) != 6:
        return None
    _, namespace, name, uid, pod, token_id = parts
    return namespace, name, uid, pod, token_id
