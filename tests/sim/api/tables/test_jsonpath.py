"""The JSONPath of printer columns."""

from __future__ import annotations

from typing import Any

import pytest

from spo.sim.api.tables.jsonpath import find

OBJECT: dict[str, Any] = {
    "metadata": {"annotations": {"a.b/c": "dotted"}},
    "status": {
        "ready": True,
        "conditions": [{"type": "Available", "status": "False"}, {"type": "Ready", "status": "True"}],
    },
}


@pytest.mark.parametrize(
    ("path", "found"),
    [
        (".status.ready", [True]),
        (".status.conditions[0].type", ["Available"]),
        (".status.conditions[-1].type", ["Ready"]),
        (".status.conditions[*].type", ["Available", "Ready"]),
        ('.status.conditions[?(@.type=="Ready")].status', ["True"]),
        ("['status'].ready", [True]),
        (".status.conditions[?(@.type != 'Ready')].status", ["False"]),
        (r".metadata.annotations.a\.b/c", ["dotted"]),
        (".metadata.annotations['a.b/c']", ["dotted"]),
        (".status.none.deeper", []),
        (".status.conditions[7]", []),
        (".status.conditions.type", []),
        ("..status", []),  # what we cannot follow leads nowhere
    ],
)
def test_a_path_leads_to_values(path: str, found: list[Any]) -> None:
    assert find(OBJECT, path) == found
