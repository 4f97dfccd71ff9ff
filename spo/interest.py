"""What a process wants to know of a kind: which objects (asked of the server) and which of their fields (kept)."""

from __future__ import annotations

from typing import Any

from msgspec import Struct

from spo.model.resource import Resource


class Interest(Struct, frozen=True):
    """List and watch `resource`; keep of each object a `keep`, decoded straight from the raw JSON.

    `keep` is a frozen Struct with a `metadata` that has at least `name`, `namespace` and `resource_version`.
    `labels` and `fields` are selectors in the API's own syntax, evaluated by the server.
    `keep` also tells an interest from the others of a process, which may have several of one kind: each has a type of
    its own. `timed`: remember when each version was first seen, by our own clock.
    """

    resource: Resource
    keep: type[Any]
    namespace: str = ""
    labels: str = ""
    fields: str = ""
    timed: bool = False

    @property
    def kind(self) -> str:
        return self.resource.kind
