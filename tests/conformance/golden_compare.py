"""How a recorded answer is compared with ours: placeholders, what may differ, what comes in any order (golden/)."""

from __future__ import annotations

import json
import re
from itertools import pairwise
from typing import Any

NAMED = r"\$(?:uid|rv|continue|gen|token):\d+"
LOOSE = {
    "$time": r"[0-9T:+.Z-]{10,40}",
    "$microtime": r"[0-9T:+.Z-]{10,40}",
    "$ip": r"[0-9a-fA-F.:]+",
    "$token": r"\S+",
    "$addr": r"\S*",
    "$hash": r"\w+",
    "$rv": r"\d+",
    "$caBundle": r"\S+",
    "$webhook": r"https://[^/\s\"]+",
    "$closed": r"https://[^/\s\"]+",
}
PLACEHOLDER = re.compile(NAMED + r"|\$(?:" + "|".join(name[1:] for name in LOOSE) + r")(?![\w:])")
AGE = re.compile(r"\d+[smhd](\d+[smh])?")
GO_TALK = re.compile(r"pkg/runtime/scheme\.go|Go struct field|json: cannot unmarshal")
GO_DIFF = re.compile(r"\n@@ -\d+,\d+ \+\d+,\d+ @@\n.*", re.S)  # of Go structs, after what was said of them
QUOTED_OBJECT = re.compile(r'Invalid value: "\{.*\}":', re.S)

OPTIONAL_FIELDS = frozenset({"managedFields", "selfLink", "remainingItemCount"})
OPTIONAL_HEADERS = frozenset(
    {"Audit-Id", "Cache-Control", "X-Kubernetes-Pf-Flowschema-Uid", "X-Kubernetes-Pf-Prioritylevel-Uid"}
)


class Mismatch(Exception):
    """The answer is not the recorded one."""


class Binding(dict[str, str]):
    """What each placeholder stood for, so far."""

    def fill(self, value: Any) -> Any:
        """A recorded request with placeholders replaced and generators unrolled."""
        if isinstance(value, dict):
            if set(value) == {"$repeat"}:
                return value["$repeat"]["text"] * value["$repeat"]["count"]
            return {self.fill(key): self.fill(inner) for key, inner in value.items()}
        if isinstance(value, list):
            filled: list[Any] = []
            for inner in value:
                if isinstance(inner, dict) and set(inner) == {"$times"}:
                    filled += [inner["$times"]["item"]] * inner["$times"]["count"]
                else:
                    filled.append(self.fill(inner))
            return filled
        return PLACEHOLDER.sub(self._filled, value) if isinstance(value, str) else value

    def _filled(self, found: re.Match[str]) -> str:
        name = found.group()
        return self.get(name, "2030-01-01T00:00:00Z" if "time" in name else name)

    def text(self, want: str, got: Any, where: str) -> None:
        """Match a string that may hold placeholders; new ones are bound."""
        if not isinstance(got, str):
            raise Mismatch(f"{where}: want {want[:300]!r}, got {got!r}")
        if where.endswith("message"):
            if GO_TALK.search(want):
                return
            want, got = _in_order(GO_DIFF.sub("", want)), _in_order(got)
        if want == got or (AGE.fullmatch(want) and AGE.fullmatch(got)):
            return
        pattern, fresh, last = "", list[str](), 0
        for found in PLACEHOLDER.finditer(want):
            name = found.group()
            pattern += re.escape(want[last : found.start()]) + self._pattern(name, fresh)
            last = found.end()
        matched = re.fullmatch(pattern + re.escape(want[last:]), got, re.S)
        if not matched:
            raise Mismatch(f"{where}: want {want[:600]!r}, got {got[:600]!r}")
        for index, name in enumerate(fresh):
            self[name] = matched.group(f"v{index}")

    def _pattern(self, name: str, fresh: list[str]) -> str:
        if name in LOOSE:
            return LOOSE[name]
        if name in self:
            return re.escape(self[name])
        if name in fresh:
            return f"(?P=v{fresh.index(name)})"
        fresh.append(name)
        inside = "[0-9]+" if name.startswith("$rv") else "[a-z0-9]{5}" if name.startswith("$gen") else ".+?"
        return f"(?P<v{len(fresh) - 1}>{inside})"

    def same(self, want: Any, got: Any, where: str = "", partial: bool = False) -> None:
        """Raises Mismatch, with the place."""
        if isinstance(want, str):
            self.text(want, got, where)
        elif isinstance(want, dict):
            self._same_object(want, got, where, partial)
        elif isinstance(want, list):
            self._same_list(want, got, where, partial)
        elif isinstance(want, int | float) and type(got) is float and not isinstance(want, bool):
            if float(want) != got:
                raise Mismatch(f"{where}: want {want!r}, got {got!r}")
        elif want != got or isinstance(want, bool) is not isinstance(got, bool):
            raise Mismatch(f"{where}: want {want!r}, got {str(got)[:300]!r}")

    def _same_object(self, want: dict[str, Any], got: Any, where: str, partial: bool) -> None:
        if not isinstance(got, dict):
            raise Mismatch(f"{where}: want {str(want)[:300]}, got {str(got)[:300]}")
        if "$keys" in want:
            if sorted(got) != want["$keys"]:
                raise Mismatch(f"{where}: keys differ")
            return
        got = self._not_older(want, got)
        for key in want.keys() - OPTIONAL_FIELDS:
            if key not in got:
                raise Mismatch(f"{where}/{key}: missing")
        for key in () if partial else got.keys() - want.keys() - OPTIONAL_FIELDS:
            raise Mismatch(f"{where}/{key}: unexpected {str(got[key])[:200]}")
        # Metadata first, so that names are bound before they are quoted.
        for key in sorted(want.keys() - OPTIONAL_FIELDS, key=lambda key: (key != "metadata", key)):
            self.same(want[key], got[key], f"{where}/{key}", partial)

    def _same_list(self, want: list[Any], got: Any, where: str, partial: bool) -> None:
        if not isinstance(got, list):
            raise Mismatch(f"{where}: want a list, got {str(got)[:300]}")
        if partial and want and isinstance(want[0], str) and got and isinstance(got[0], dict):
            got = [item["metadata"]["name"] for item in got]  # recorded as names only
        if partial and len(want) < len(got):
            for item in want:
                self._find(item, got, where)
            return
        if len(want) != len(got):
            raise Mismatch(f"{where}: {len(want)} expected, {len(got)} came: {json.dumps(got)[:600]}")
        if where.endswith("/causes"):
            want, got = (
                sorted(causes, key=lambda cause: (cause.get("field", ""), cause.get("message", "")))
                for causes in (want, got)
            )
        for index, (wanted, found) in enumerate(zip(want, got, strict=True)):
            self.same(wanted, found, f"{where}[{index}]", partial)

    def _find(self, want: Any, candidates: list[Any], where: str) -> None:
        for candidate in candidates:
            trial = Binding(self)
            try:
                trial.same(want, candidate, where, partial=True)
            except Mismatch:
                continue
            self.update(trial)
            return
        raise Mismatch(f"{where}: nothing like {str(want)[:300]}")

    def _not_older(self, want: dict[str, Any], got: dict[str, Any]) -> dict[str, Any]:
        """A list or bookmark may have a higher revision than recorded: other writers moved the counter."""
        meta, ours = want.get("metadata"), got.get("metadata")
        if not isinstance(meta, dict) or "name" in meta or not isinstance(ours, dict):
            return got
        bound, revision = self.get(str(meta.get("resourceVersion"))), str(ours.get("resourceVersion"))
        if bound is None or not revision.isdigit() or int(revision) < int(bound):
            return got
        return {**got, "metadata": {**ours, "resourceVersion": bound}}

    def headers(self, want: dict[str, Any], got: tuple[tuple[str, str], ...]) -> None:
        for name in want.keys() - OPTIONAL_HEADERS:
            if want[name] is None:
                continue
            wanted = want[name] if isinstance(want[name], list) else [want[name]]
            found = [value for key, value in got if key == name]
            if len(wanted) != len(found):
                raise Mismatch(f"header {name}: want {wanted}, got {found}")
            for left, right in zip(sorted(wanted), sorted(found), strict=True):
                self.text(left.replace("; ", ";"), right.replace("; ", ";"), f"header {name}")

    def check_order(self) -> None:
        """Numbers of `$rv` give the order of the revisions."""
        bound = sorted((int(name[4:]), int(value)) for name, value in self.items() if name.startswith("$rv:"))
        for (low, before), (high, after) in pairwise(bound):
            if before > after:
                raise Mismatch(f"$rv:{low}={before} is above $rv:{high}={after}")


def _in_order(text: str) -> str:
    """Error lists come in any order; an object quoted inside a message is not compared."""
    text = QUOTED_OBJECT.sub('Invalid value: "{...}":', text)
    head, bracket, tail = text.partition(" is invalid: [")
    if bracket:
        return head + bracket + ", ".join(sorted(tail.rstrip("]").split(", ")))
    return "\n".join(sorted(text.split("\n"))) if text.startswith("Apply failed") else text
