"""What the simulated API server knows of built-in kinds, read from a real one and from Kubernetes' own sources.

    python3 -m hack.api_tables     write spo/sim/api/builtin/{openapi,columns,wire}.json anew

Needs a running cluster of the release that is simulated (python3 -m hack.cluster up) and its Go modules in the cache.
Run it after a kind was added to the built-in ones.
"""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from hack.cluster import API_PORT
from hack.cluster_node import VERSION
from spo.sim.api.access import reviews
from spo.sim.api.builtin import KINDS, events_view, scaling_view

OUT = Path(__file__).resolve().parent.parent / "spo" / "sim" / "api" / "builtin"
MODULES = ("api", "apimachinery", "apiextensions-apiserver", "kube-aggregator")
OTHERS = (events_view.KIND, scaling_view.KIND, *reviews.KINDS)
META = "io.k8s.apimachinery.pkg.apis.meta.v1."
REF = "#/components/schemas/"
# Not the type of any resource, but sent or answered.
EXTRA = tuple(META + name for name in ("DeleteOptions", "Status", "Patch", "WatchEvent", "APIResourceList"))
EXTRA += (
    "io.k8s.api.policy.v1.Eviction",
    "io.k8s.api.autoscaling.v1.Scale",
    "io.k8s.api.core.v1.Binding",
    "io.k8s.api.authentication.v1.TokenRequest",
)
# Views of any object: they stand in no OpenAPI document.
VIEWS = tuple("k8s.io.apimachinery.pkg.apis.meta.v1.PartialObjectMetadata" + tail for tail in ("", "List"))
TABLE = "application/json;as=Table;v=v1;g=meta.k8s.io"
FIELD = re.compile(r"^  (optional|repeated|map<(\w+), ([\w.]+)>) ?([\w.]*) (\w+) = (\d+);")
GO_FIELD = re.compile(r'^\s+\w*\s*(\S+)\s+`json:"([^"]*)".*protobuf:"[^"]*name=(\w+)', re.M)
SCALARS = {
    "string": "s", "bytes": "y", "bool": "b", "double": "d", "int32": "i", "int64": "i", "uint32": "i", "uint64": "i",
}  # fmt: skip
# Names that the Go struct tags of JSONSchemaProps spell differently in JSON and in protobuf.
DOLLAR = {"ref": "$ref", "schema": "$schema"}

Definitions = dict[str, dict[str, Any]]


def main() -> None:
    definitions = reachable(all_definitions())
    write("openapi.json", definitions)
    tables = dict(columns())
    write("columns.json", tables | scales(tables["leases.coordination.k8s.io"], definitions))
    write("wire.json", wire(definitions))


def write(name: str, table: dict[str, Any]) -> None:
    """One line an entry, so that a change can be read."""
    lines = [f"{json.dumps(key)}: {json.dumps(table[key], separators=(',', ':'))}" for key in sorted(table)]
    (OUT / name).write_text("{\n" + ",\n".join(lines) + "\n}\n")


def raw(path: str, accept: str = "application/json") -> Any:
    """An answer of the real API server."""
    headers = ["-H", f"Accept: {accept}", "-H", "Authorization: Bearer admin-token"]
    answer = subprocess.run(
        ["curl", "-sk", *headers, f"https://127.0.0.1:{API_PORT}{path}"], capture_output=True, check=True
    )
    return json.loads(answer.stdout)


def group_versions() -> list[str]:
    kinds = (*KINDS, *OTHERS)
    paths = [f"apis/{k.resource.group}/{k.resource.version}" if k.resource.group else "api/v1" for k in kinds]
    return [*dict.fromkeys(paths), "apis/autoscaling/v1"]


# -- OpenAPI -----------------------------------------------------------------------------------------------------


def all_definitions() -> Definitions:
    found: Definitions = {}
    for path in group_versions():
        found.update(raw(f"/openapi/v3/{path}")["components"]["schemas"])
    return found


def reachable(definitions: Definitions) -> Definitions:
    """Those of the kinds we serve, and what they are made of."""
    wanted = {(kind.resource.group, kind.resource.version, kind.resource.kind) for kind in KINDS}
    wanted |= {(k.resource.group, k.resource.version, k.resource.kind) for k in OTHERS}
    wanted |= {(group, version, kind + "List") for group, version, kind in wanted}
    names = list(EXTRA)
    for name, definition in definitions.items():
        kinds = definition.get("x-kubernetes-group-version-kind", ())
        if any((gvk["group"], gvk["version"], gvk["kind"]) in wanted for gvk in kinds):
            names.append(name)
    found: Definitions = {}
    while names:
        name = names.pop()
        if name not in found:
            found[name] = definitions[name]
            names += re.findall(rf'"{REF}([^"]+)"', json.dumps(definitions[name]))
    return found


# -- tables ------------------------------------------------------------------------------------------------------


def columns() -> Iterator[tuple[str, list[list[Any]]]]:
    """By resource: name, type, format, priority and description of each column `kubectl get` prints."""
    for kind in (*KINDS, events_view.KIND):
        resource = kind.resource
        root = f"/apis/{resource.group}/{resource.version}" if resource.group else "/api/v1"
        table = raw(f"{root}/{resource.plural}?limit=1", TABLE)
        order = ("name", "type", "format", "priority", "description")
        yield resource.storage, [[column[field] for field in order] for column in table["columnDefinitions"]]


def scales(of_leases: list[list[Any]], definitions: Definitions) -> dict[str, list[list[Any]]]:
    """A scale is never listed; its columns are made as the real ones are."""
    name, _, age = of_leases
    name = [*name[:2], "", *name[3:]]
    numbers = [
        [
            title,
            "integer",
            "",
            0,
            definitions[f"io.k8s.api.autoscaling.v1.{part}"]["properties"]["replicas"]["description"],
        ]
        for title, part in (("Desired", "ScaleSpec"), ("Available", "ScaleStatus"))
    ]
    return {"scales.autoscaling": [name, *numbers, age]}


# -- protobuf ----------------------------------------------------------------------------------------------------


def wire(definitions: Definitions) -> dict[str, dict[str, str]]:
    """By message: field → number and type, as spo/sim/api/encoding/protobuf.py explains."""
    known = dict(messages())
    names = [*VIEWS, *(name for name in known if openapi_name(name) in definitions)]
    by_short = {short(name): name for name in known}
    found: dict[str, dict[str, str]] = {}
    while names:
        name = names.pop()
        properties = definitions.get(openapi_name(name), {}).get("properties")
        fields = {json_name(field, properties): code for field, code in known[name].items()}
        found[short(name)] = fields
        # What stands inline has no definition of its own.
        inside = {by_short[code.lstrip("0123456789[{?")] for code in fields.values() if "." in code}
        names += [other for other in inside if short(other) not in found]
    return found


def messages() -> Iterator[tuple[str, dict[str, str]]]:
    """Every message of Kubernetes' .proto files, by its full name."""
    cache = Path.home() / "go" / "pkg" / "mod" / "k8s.io"
    for module in MODULES:
        for path in sorted((cache / f"{module}@v{VERSION.replace('1.', '0.', 1)}").rglob("generated.proto")):
            silent = set().union(*(silent_zeros(source.read_text()) for source in path.parent.glob("*.go")))
            yield from messages_of(path.read_text(), silent)


def silent_zeros(go: str) -> set[tuple[str, str]]:
    """Struct and field of what is always sent, though JSON leaves its zero out: `omitempty`, and no pointer."""
    found = set()
    for name, body in re.findall(r"^type (\w+) struct \{\n(.*?)^\}", go, re.M | re.S):
        for kind, shown, field in GO_FIELD.findall(body):
            if "omitempty" in shown and not kind.startswith("*"):
                found.add((name, field))
    return found


def messages_of(text: str, silent: set[tuple[str, str]]) -> Iterator[tuple[str, dict[str, str]]]:
    found = re.search(r"^package (.*);", text, re.M)
    package = found.group(1) if found else ""
    for name, body in re.findall(r"^message (\w+) \{\n(.*?)^\}", text, re.M | re.S):
        fields: dict[str, str] = {}
        for line in body.splitlines():
            if match := FIELD.match(line):
                label, _, value, plain, field, number = match.groups()
                sign = "[" if label == "repeated" else "{" if label.startswith("map") else ""
                if (name, field) in silent and not sign and plain in SCALARS:
                    sign = "?"
                fields[field] = number + sign + type_code(value or plain, package)
        yield f"{package}.{name}", fields


def type_code(name: str, package: str) -> str:
    if name in SCALARS:
        return SCALARS[name]
    return short(name.lstrip(".") if "." in name else f"{package}.{name}")


def short(name: str) -> str:
    """`k8s.io.api.core.v1.Pod` is `core.v1.Pod`."""
    return ".".join(name.split(".")[-3:])


def openapi_name(name: str) -> str:
    return (
        name.replace("k8s.io.", "io.k8s.", 1)
        .replace("apiextensions_apiserver", "apiextensions-apiserver")
        .replace("kube_aggregator", "kube-aggregator")
    )


def json_name(field: str, properties: dict[str, Any] | None) -> str:
    """The name of a field in JSON; with a tilde, if it is not there but its own fields are."""
    if properties is None:
        return field
    dashed = re.sub("[A-Z]", lambda sign: "-" + sign.group().lower(), field)
    for name in (field, DOLLAR.get(field, field), dashed, field[0].lower() + field[1:], field.lower()):
        if name in properties:
            return name
    return "~" + field


if __name__ == "__main__":
    main()
