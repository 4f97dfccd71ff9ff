"""How the lists and maps of the built-in kinds merge (`x-kubernetes-list-type`, `patchMergeKey` in their Go types)."""

from __future__ import annotations

from spo.sim.api.shape import METADATA_SHAPE, PLAIN, Shape

ATOMIC = Shape(atomic=True)
SET = Shape(unique=True)


def keyed(*keys: str, items: Shape = PLAIN, merge_key: str = "", **defaults: object) -> Shape:
    """A list whose elements are told apart by `keys`; strategic merge patch knows only the first, or `merge_key`."""
    return Shape(keys=keys, merge_key=merge_key or keys[0], items=items, defaults=defaults)


SELECTOR = ATOMIC  # a LabelSelector is one value for server-side apply; strategic merge looks inside any map
CONDITIONS = keyed("type")
STATUS = Shape(fields={"conditions": CONDITIONS})

_REFERENCES = ("configMapKeyRef", "secretKeyRef", "fieldRef", "resourceFieldRef", "fileKeyRef")
_ENV = keyed("name", items=Shape(fields={"valueFrom": Shape(fields=dict.fromkeys(_REFERENCES, ATOMIC))}))
_CONTAINER = Shape(
    fields={
        "env": _ENV,
        "ports": keyed("containerPort", "protocol", protocol="TCP"),
        "volumeMounts": keyed("mountPath"),
        "volumeDevices": keyed("devicePath"),
        "resources": Shape(fields={"claims": keyed("name")}),
    }
)
_SPREAD = Shape(fields={"labelSelector": SELECTOR})
POD_SPEC = Shape(
    fields={
        "containers": keyed("name", items=_CONTAINER),
        "initContainers": keyed("name", items=_CONTAINER),
        "ephemeralContainers": keyed("name", items=_CONTAINER),
        "volumes": keyed("name"),
        "imagePullSecrets": keyed("name"),
        "hostAliases": keyed("ip"),
        "resourceClaims": keyed("name"),
        "schedulingGates": keyed("name"),
        "topologySpreadConstraints": keyed("topologyKey", "whenUnsatisfiable", items=_SPREAD),
        "nodeSelector": ATOMIC,
    }
)
TEMPLATE = Shape(fields={"metadata": METADATA_SHAPE, "spec": POD_SPEC})


def whole(spec: Shape = PLAIN, status: Shape = STATUS, **more: Shape) -> Shape:
    """The shape of an object, from those of its parts."""
    return Shape(fields={"metadata": METADATA_SHAPE, "spec": spec, "status": status, **more})


_POD_STATUS = Shape(fields={"conditions": CONDITIONS, "podIPs": keyed("ip"), "hostIPs": keyed("ip")})
POD = whole(POD_SPEC, _POD_STATUS)
WORKLOAD = whole(Shape(fields={"selector": SELECTOR, "template": TEMPLATE}))
CRON_JOB = whole(Shape(fields={"jobTemplate": WORKLOAD}))
NODE = whole(
    Shape(fields={"podCIDRs": SET}),
    Shape(fields={"conditions": CONDITIONS, "addresses": keyed("type")}),
)
SERVICE = whole(
    Shape(fields={"ports": keyed("port", "protocol", protocol="TCP"), "selector": ATOMIC, "clusterIPs": ATOMIC}),
)
SERVICE_ACCOUNT = whole(secrets=keyed("name"))
BUDGET = whole(Shape(fields={"selector": SELECTOR}))
_WEBHOOK = Shape(
    fields={"namespaceSelector": SELECTOR, "objectSelector": SELECTOR, "matchConditions": keyed("name")},
)
WEBHOOKS = whole(webhooks=keyed("name", items=_WEBHOOK))
NAMED = whole()
