"""Server-side apply: who owns which field, what happens when two want the same, and what goes when nobody wants it.

Ownership is kept only for objects that somebody applied; what stood there before belongs to `before-first-apply`, as
upstream does for objects older than the feature.
"""

from __future__ import annotations

import json
from typing import Any

from msgspec import Struct

from spo.sim.api import metadata
from spo.sim.api.encoding.gotext import plain, syntax
from spo.sim.api.kinds import Kind, Object, Undecodable, clone
from spo.sim.api.shape import Shape
from spo.sim.api.status import ApiError
from spo.sim.api.verbs.fieldpaths import FieldPath, from_fields, leaves, remove, show, step_of, to_fields

BEFORE = "before-first-apply"
LAST_APPLIED = "kubectl.kubernetes.io/last-applied-configuration"


class _Owner(Struct):
    """One entry of managedFields."""

    manager: str
    operation: str  # Apply or Update
    api_version: str
    subresource: str
    time: str
    paths: set[FieldPath]

    def is_(self, manager: str, operation: str, subresource: str) -> bool:
        return (self.manager, self.operation, self.subresource) == (manager, operation, subresource)

    def named(self) -> str:
        """As conflicts name it: who applied has no version."""
        text = f'"{self.manager}"'
        if self.subresource:
            text += f' with subresource "{self.subresource}"'
        return text if self.operation == "Apply" else f"{text} using {self.api_version}"


def apply(
    live: Object | None, applied: Object, kind: Kind, manager: str, force: bool, stamp: str, subresource: str = ""
) -> Object:
    """What the object becomes when `manager` applies `applied` over `live`; pure, managedFields included.

    The same configuration applied again gives an object equal to `live`.
    Raises ApiError: 500 if `applied` does not fit the kind's types, 409 with FieldManagerConflict causes.
    """
    check_types(applied, kind)
    wanted = _in_reach(applied, kind, subresource)
    ours = set(leaves(wanted, kind.shape))
    if live is None:
        created: Object = clone(wanted)
        _write(created, [_Owner(manager, "Apply", kind.resource.api_version, subresource, stamp, ours)])
        return created
    owners = _owners(live, kind)
    mine = next((owner for owner in owners if owner.is_(manager, "Apply", subresource)), None)
    others = [owner for owner in owners if owner is not mine]
    merged: Object = _merged(live, wanted, kind.shape)
    _settle_conflicts(live, merged, ours, others, kind, manager, force)
    previous = mine.paths if mine else set()
    _drop(merged, previous - ours, [ours, *(owner.paths for owner in others)], kind.shape)
    time = mine.time if mine and mine.paths == ours else stamp
    new = _Owner(manager, "Apply", kind.resource.api_version, subresource, time, ours)
    _write(merged, [new if owner is mine else owner for owner in owners] + ([] if mine else [new]))
    if manager == "kubectl" and LAST_APPLIED in (live["metadata"].get("annotations") or {}):
        merged["metadata"]["annotations"][LAST_APPLIED] = _last_applied(applied)
    return merged


def track_update(old: Object, new: Object, kind: Kind, manager: str, stamp: str, subresource: str = "") -> None:
    """Note in `new`, in place, that `manager` made of `old` what it is now; only where ownership is kept at all.

    What a client wrote into managedFields itself is not looked at.
    """
    if not old["metadata"].get("managedFields"):
        new["metadata"].pop("managedFields", None)
        return
    owners = _owners(old, kind)
    before, after = leaves(old, kind.shape), leaves(new, kind.shape)
    changed = {path for path, value in after.items() if path not in before or before[path] != value}
    gone = {path for path in before if path not in after}
    mine = next((owner for owner in owners if owner.is_(manager, "Update", subresource)), None)
    for owner in owners:
        owner.paths -= gone if owner is mine else gone | changed
    if changed:
        if mine is None:
            mine = _Owner(manager, "Update", kind.resource.api_version, subresource, stamp, set())
            owners.append(mine)
        if changed - mine.paths:
            mine.time = stamp
        mine.paths |= changed
    _write(new, owners)


def check_types(applied: Object, kind: Kind) -> None:
    """Does the configuration fit the kind? Unlike elsewhere an unknown field is an error whatever fieldValidation says.

    Raises ApiError 500, without a reason, as recorded.
    """
    why = _mistyped(applied, kind.shape, "") or _unknown(applied, kind)
    if why:
        resource, meta = kind.resource, applied.get("metadata") or {}
        name = f"{meta.get('namespace', '')}/{meta.get('name', '')}"
        version = f"{resource.group}/{resource.version}"
        raise ApiError(500, "", f"failed to create typed patch object ({name}; {version}, Kind={resource.kind}): {why}")


def _unknown(applied: Object, kind: Kind) -> str:
    copy = clone(applied)
    try:
        unknown = {*kind.unknown_fields(copy), *metadata.read(copy.get("metadata") or {}, kind.custom)}
    except (Undecodable, metadata.WrongType) as error:
        return str(error)
    texts = [f".{path}: field not declared in schema" for path in sorted(unknown)]
    return "\n  ".join(["errors:", *texts]) if len(texts) > 1 else "".join(texts)


_TYPES: dict[str, tuple[tuple[type, ...], str]] = {
    "map": ((dict,), "map"), "list": ((list,), "list"), "string": ((str,), "string"), "boolean": ((bool,), "boolean"),
    "numeric": ((int, float), "numeric (int or float)"),
}  # fmt: skip


def _mistyped(value: Any, shape: Shape, path: str) -> str:
    """The first thing below `path` that is of another type, in words; empty if there is none."""
    if value is None:
        return ""
    types, wanted = _TYPES.get(shape.type, ((), ""))
    if types and type(value) not in types:
        got = f"&{{{plain(value)}}}" if dict in types or list in types else _quoted(value, shape)
        return f"{path}: expected {wanted}, got {got}"
    if isinstance(value, dict) and not shape.atomic:
        below = (_mistyped(item, shape.field(name), f"{path}.{name}") for name, item in value.items())
        return next((text for text in below if text), "")
    if isinstance(value, list):
        below = (_mistyped(item, shape.element, f"{path}[{index}]") for index, item in enumerate(value))
        return next((text for text in below if text), "") or _ambiguous(value, shape, path)
    return ""


def _quoted(value: Any, shape: Shape) -> str:
    if shape.type == "numeric" and isinstance(value, str):
        return "string"
    return f"&value.valueUnstructured{{Value:{syntax(value)}}}"


def _ambiguous(value: list[Any], shape: Shape, path: str) -> str:
    """Elements of associative lists and sets must be told apart."""
    if not (shape.keys or shape.unique):
        return ""
    seen = set()
    for index, item in enumerate(value):
        if shape.keys and not any(key in item or key in shape.defaults for key in shape.keys):
            keys = " ".join(f'"{key}"' for key in shape.keys)
            return (
                f"{path}: element {index}: associative list with keys has an element that omits all key fields "
                f"[{keys}] (and doesn't have default values for any key fields)"
            )
        step = step_of(item, shape)
        if step in seen:
            return f"{path}: duplicate entries for key {show((step,))}"
        seen.add(step)
    return ""


# -- merging -----------------------------------------------------------------------------------------------------


def _in_reach(applied: Object, kind: Kind, subresource: str) -> Object:
    """Without what this endpoint does not write: status through the main one, all but status through `/status`."""
    if subresource == "status":
        identity: Object = {name: applied[name] for name in ("apiVersion", "kind") if name in applied}
        metadata = {name: value for name, value in applied["metadata"].items() if name in ("name", "namespace", "uid")}
        return {**identity, "metadata": metadata, **{part: applied[part] for part in ("status",) if part in applied}}
    hidden = {"status"} if "status" in kind.subresources else set()
    return {name: value for name, value in applied.items() if name not in hidden}


def _merged(live: Any, applied: Any, shape: Shape) -> Any:
    if isinstance(applied, dict) and isinstance(live, dict) and not shape.atomic:
        result = {name: clone(value) for name, value in live.items()}
        for name, value in applied.items():
            result[name] = _merged(live[name], value, shape.field(name)) if name in live else clone(value)
        return result
    if isinstance(applied, list) and isinstance(live, list) and (shape.keys or shape.unique):
        return _merged_list(live, applied, shape)
    return clone(applied)


def _merged_list(live: list[Any], applied: list[Any], shape: Shape) -> list[Any]:
    """Applied elements in the order they were applied in; the others stay where they stood between them."""
    before = {step_of(item, shape): item for item in live}
    ours = [(step_of(item, shape), item) for item in applied]
    applied_steps = {step for step, _ in ours}
    result: list[Any] = []

    def take() -> str:
        step, item = ours.pop(0)
        result.append(_merged(before[step], item, shape.element) if step in before else clone(item))
        return step

    for step, item in before.items():
        if step not in applied_steps:
            result.append(clone(item))
            continue
        while ours and take() not in before:
            pass
    while ours:
        take()
    return result


def _drop(merged: Object, gone: set[FieldPath], owned: list[set[FieldPath]], shape: Shape) -> None:
    """Remove what `manager` owned and no longer wants, unless somebody owns it or something inside."""
    kept = {path[:length] for paths in owned for path in paths for length in range(1, len(path) + 1)}
    # Elements before what is in them: without its keys an element could not be found.
    for path in sorted(gone - kept, key=lambda path: (len(path), path)):
        remove(merged, path, shape, kept)


# -- owners ------------------------------------------------------------------------------------------------------


def _settle_conflicts(
    live: Object, merged: Object, ours: set[FieldPath], others: list[_Owner], kind: Kind, manager: str, force: bool
) -> None:
    """A field another manager owns may be applied only with the value it has; with force, it changes hands."""
    before, after = leaves(live, kind.shape), leaves(merged, kind.shape)
    changed = {path for path in ours if before.get(path) != after.get(path)}
    allowed = _from_last_applied(live, kind) if manager == "kubectl" else set()
    conflicts = [(owner, sorted(changed & owner.paths - allowed)) for owner in others]
    if not force and any(paths for _, paths in conflicts):
        raise _conflict([(owner.named(), show(path)) for owner, paths in conflicts for path in paths])
    for owner in others:
        owner.paths -= changed


def _conflict(found: list[tuple[str, str]]) -> ApiError:
    causes = [
        {"reason": "FieldManagerConflict", "message": f"conflict with {who}", "field": path} for who, path in found
    ]
    if len(found) == 1:
        text = f"Apply failed with 1 conflict: conflict with {found[0][0]}: {found[0][1]}"
    else:
        text = f"Apply failed with {len(found)} conflicts: " + "\n".join(_by_owner(found))
    return ApiError(409, "Conflict", text, {"causes": causes})


def _by_owner(found: list[tuple[str, str]]) -> list[str]:
    lines = []
    for who in sorted({who for who, _ in found}):
        lines += [f"conflicts with {who}:", *(f"- {path}" for other, path in found if other == who)]
    return lines


def _owners(obj: Object, kind: Kind) -> list[_Owner]:
    entries = obj["metadata"].get("managedFields")
    if not entries:
        owned = set(leaves(obj, kind.shape))
        return [_Owner(BEFORE, "Update", kind.resource.api_version, "", "", owned)]
    return [
        _Owner(
            entry["manager"],
            entry["operation"],
            entry["apiVersion"],
            entry.get("subresource", ""),
            entry.get("time", ""),
            from_fields(entry["fieldsV1"]),
        )
        for entry in entries
    ]


def _write(obj: Object, owners: list[_Owner]) -> None:
    entries = [_entry(owner) for owner in owners if owner.paths]  # who owns nothing has no entry
    obj["metadata"].pop("managedFields", None)
    if entries:
        obj["metadata"]["managedFields"] = entries


def _entry(owner: _Owner) -> Object:
    entry: Object = {"manager": owner.manager, "operation": owner.operation, "apiVersion": owner.api_version}
    if owner.time:
        entry["time"] = owner.time
    entry |= {"fieldsType": "FieldsV1", "fieldsV1": to_fields(owner.paths)}
    if owner.subresource:
        entry["subresource"] = owner.subresource
    return entry


# -- kubectl's annotation ----------------------------------------------------------------------------------------


def _from_last_applied(live: Object, kind: Kind) -> set[FieldPath]:
    """Fields that `kubectl apply` without server-side set: moving on to the server's way is no conflict."""
    text = (live["metadata"].get("annotations") or {}).get(LAST_APPLIED)
    try:
        last = json.loads(text) if text else {}
    except ValueError:
        return set()
    return set(leaves(last, kind.shape)) if isinstance(last, dict) else set()


def _last_applied(applied: Object) -> str:
    return json.dumps(applied, separators=(",", ":"), sort_keys=True, ensure_ascii=False) + "\n"
