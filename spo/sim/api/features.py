"""What an administrator switches on or off when a kube-apiserver is started."""

from __future__ import annotations

from msgspec import Struct


class Features(Struct, frozen=True):
    """The defaults are those of Kubernetes 1.36."""

    watch_cache: bool = True  # --watch-cache: without it, history ends where the store is compacted
    watch_list: bool = True  # feature gate WatchList: `sendInitialEvents`


DEFAULTS = Features()
