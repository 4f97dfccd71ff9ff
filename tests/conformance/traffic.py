"""Plays the recorded requests of a real client against a face of a simulated cluster; compares what it is told."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

from spo.sim.api.encoding import protobuf
from spo.sim.api.http import Request, Response
from tests.conformance.servers import Face

TRAFFIC = Path(__file__).parent / "golden" / "traffic"
NAMESPACE = "traffic"
WATCHED_S = 3.0
IGNORED = frozenset({"managedFields", "selfLink", "remainingItemCount"})
# Values that differ from run to run; what they are is not compared, only that they are there.
PASSING = re.compile(
    r"kube-api-access-\w{5}|-[a-z0-9]{8,10}\b|\$token|"
    r"(images|registry)\.test|\b10(\.\d+){3}\b|\b[0-9a-f]{64}\b|\.[0-9a-f]{16}\b|"
    r"\d{4}-\d\d-\d\dT[\d:.]+Z|[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}|\d+[smhd](\d+[smh])?|eyJ[\w.-]+|serviceaccount-token/.*"
)
NAMES = frozenset({"resourceVersion", "uid", "pod-template-hash"})  # whatever they are
Record = dict[str, Any]


class Player:
    """One client's requests, in order; what the recorded server named by number or uid is ours by now."""

    def __init__(self, face: Face) -> None:
        self._face = face
        self._ours: dict[str, str] = {}

    def play(self, records: list[Record]) -> Iterator[str]:
        """Gives a text for each answer that differs."""
        for record in records:
            response = self._ask(record)
            if f"/namespaces/{NAMESPACE}" not in record["path"]:
                continue  # discovery, nodes, the documents of the build: what is served, not how
            want, got = _body(record), _ours(response)
            where = f"{record['method']} {record['path']}?{record.get('query') or ''}"
            if response.status != record["status"]:
                yield f"{where}: {response.status} instead of {record['status']}: {response.body[:300]!r}"
            elif response.stream is not None:
                self._face.wait(WATCHED_S)
                response.stream.close()
            elif want is not None:
                self._learn(want, got)
                yield from (f"{where}: {text}" for text in different(want, got))

    def _ask(self, record: Record) -> Response:
        query = tuple(parse_qsl(self._filled(record.get("query") or ""), keep_blank_values=True))
        headers = {**record["headers"], "Authorization": "Bearer admin-token"}
        headers.pop("Accept-Encoding", None)
        sent = record.get("request_body")
        if isinstance(sent, dict) and set(sent) == {"base64", "bytes"}:
            body = base64.b64decode(sent["base64"])
        else:
            body = b"" if sent is None else self._filled(sent if isinstance(sent, str) else json.dumps(sent)).encode()
        (response,) = self._face.send(Request(record["method"], record["path"], query, headers, body))
        self._face.wait(0.2)
        return response

    def _filled(self, text: str) -> str:
        return re.sub(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}|\b\d{4,}\b", self._known, text)

    def _known(self, found: re.Match[str]) -> str:
        return self._ours.get(found.group(), found.group())

    def _learn(self, want: Any, got: Any) -> None:
        """Remember which uid and which revision stands for which."""
        if isinstance(want, dict) and isinstance(got, dict):
            for name, value in want.items():
                if name in ("uid", "resourceVersion") and isinstance(value, str) and isinstance(got.get(name), str):
                    self._ours[value] = got[name]
                self._learn(value, got.get(name))
        elif isinstance(want, list) and isinstance(got, list):
            for left, right in zip(want, got, strict=False):
                self._learn(left, right)


def records(name: str) -> list[Record]:
    """The requests of a recording whose answer was kept."""
    lines = (TRAFFIC / f"{name}.ndjson").read_text().splitlines()
    return [record for record in map(json.loads, filter(None, lines)) if "method" in record]


def _body(record: Record) -> Any:
    """The recorded answer as JSON; None if it was too long to be kept."""
    body = record.get("response_body")
    if isinstance(body, dict) and "omitted" in body:
        return None
    if isinstance(body, dict) and set(body) == {"base64", "bytes"}:
        try:
            return protobuf.decode(base64.b64decode(body["base64"]))
        except protobuf.Unreadable:  # of a kind that is not served
            return None
    return body


def _ours(response: Response) -> Any:
    try:
        return json.loads(response.body)
    except ValueError:
        return response.body.decode(errors="replace")


def different(want: Any, got: Any, where: str = "") -> Iterator[str]:
    """Where two answers differ, but for what passes."""
    if isinstance(want, dict) and isinstance(got, dict):
        for name in sorted((want.keys() | got.keys()) - IGNORED):
            if name in NAMES and name in want and name in got:
                continue
            if want.get(name) in (None, []) and got.get(name) in (None, []):
                continue  # protobuf has neither null nor empty lists
            if name not in want or name not in got:
                what = f"missing: {want[name]!r}" if name in want else f"unexpected: {got[name]!r}"
                yield f"{where}/{name}: {what}"
            else:
                yield from different(want[name], got[name], f"{where}/{name}")
    elif isinstance(want, list) and isinstance(got, list) and len(want) == len(got):
        for index, (left, right) in enumerate(zip(want, got, strict=True)):
            yield from different(left, right, f"{where}[{index}]")
    elif isinstance(want, str) and isinstance(got, str):
        if PASSING.sub("*", want) != PASSING.sub("*", got):
            yield f"{where}: {got[:300]!r} instead of {want[:300]!r}"
    elif want != got:
        yield f"{where}: {str(got)[:300]} instead of {str(want)[:300]}"
