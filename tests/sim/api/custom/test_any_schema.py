"""Whatever a CRD says, it is refused or serves any object a client can think of."""

from __future__ import annotations

import copy
from typing import Any

from hypothesis import assume, given, settings
from hypothesis import strategies as st

from spo.sim.api.custom import definitions
from spo.sim.api.custom.crd import parse

NAMES = st.sampled_from(["a", "b", "name"])
SCALARS = (
    st.none() | st.booleans() | st.integers(-(1 << 40), 1 << 40) | st.sampled_from([0.5, 2.0, "", "x", "10%", "ž"])
)
VALUES = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=3), max_leaves=8
)
COMMON = {
    "nullable": st.booleans(),
    "default": VALUES,
    "enum": st.lists(SCALARS, min_size=1, max_size=2),
    "x-kubernetes-validations": st.just([{"rule": "has(self.a) || size(self.b) > 1"}]),
}
LIMITS = {
    name: st.integers(0, 3) for name in ("maxLength", "minLength", "maximum", "minimum", "maxItems", "minProperties")
}
LIST_TYPES = st.sampled_from(["atomic", "set", "map", "odd"])


def _typed(inner: Any) -> Any:
    return st.one_of(
        st.fixed_dictionaries(
            {"type": st.sampled_from(["string", "integer", "number", "boolean", "odd"])}, optional=COMMON | LIMITS
        ),
        st.fixed_dictionaries(
            {"type": st.just("object")},
            optional=COMMON
            | {
                "properties": st.dictionaries(NAMES, inner, max_size=3),
                "required": st.lists(NAMES, max_size=2),
                "x-kubernetes-preserve-unknown-fields": st.booleans(),
            },
        ),
        st.fixed_dictionaries({"type": st.just("object"), "additionalProperties": inner | st.just(True)}),
        st.fixed_dictionaries(
            {"type": st.just("array"), "items": inner},
            optional=COMMON
            | {"x-kubernetes-list-type": LIST_TYPES, "x-kubernetes-list-map-keys": st.lists(NAMES, max_size=1)},
        ),
        st.just({"x-kubernetes-int-or-string": True}),
    )


SCHEMAS = st.recursive(st.just({"type": "string"}), _typed, max_leaves=6)


@settings(deadline=None, max_examples=300)
@given(SCHEMAS, VALUES, VALUES)
def test_any_object_meets_any_accepted_schema_without_breaking_it(spec: Any, value: Any, other: Any) -> None:
    schema = {"type": "object", "properties": {"spec": spec}}
    version = {"name": "v1", "served": True, "storage": True, "schema": {"openAPIV3Schema": schema}}
    names = {"plural": "as", "kind": "A"}
    crd: Any = {
        "metadata": {"name": "as.g.io"},
        "spec": {"group": "g.io", "scope": "Cluster", "names": names, "versions": [version]},
    }
    definitions.default(crd)
    definitions.prepare_create(crd)
    assume(definitions.validate(crd) == [])
    definitions.warnings(crd)
    (kind,) = parse(crd)

    old, new = ({"metadata": {"name": "a"}, "spec": copy.deepcopy(content)} for content in (other, value))
    for obj in (old, new):
        kind.unknown_fields(obj)
        kind.drop_nulls(obj)
        kind.default(obj)
        complete = copy.deepcopy(obj)
        assert kind.unknown_fields(obj) == []
        kind.default(obj)
        assert obj == complete, "what is complete stays as it is"

    kind.validate(new, None)
    kind.validate(new, old)
    assert kind.validate(old, copy.deepcopy(old)) == [], "what has not changed is not judged again"
