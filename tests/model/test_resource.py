from __future__ import annotations

from spo.model.resource import DAEMONSETS, PODS, Resource


def test_a_resource_is_named_with_its_group_and_without_its_version() -> None:
    assert (PODS.storage, DAEMONSETS.storage) == ("pods", "daemonsets.apps")
    newer = Resource("apps", "v2", "daemonsets", "DaemonSet")
    assert newer.storage == DAEMONSETS.storage
