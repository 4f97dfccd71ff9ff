"""YAML request bodies, as sigs.k8s.io/yaml reads them. Apart, because PyYAML is slow to import."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator
from datetime import date
from itertools import chain
from typing import Any

import yaml

NODES_MAX = 2_000_000  # with each alias written out; without any, a body of 3 MiB holds fewer


class Unreadable(Exception):
    """No YAML that could become JSON; the text is go-yaml's, or (`of_yaml` False) of what makes JSON of it."""

    def __init__(self, text: str, of_yaml: bool = True) -> None:
        super().__init__(text)
        self.of_yaml = of_yaml


class _Loader(yaml.SafeLoader):
    """No timestamps; the booleans `y` and `n`, and tabs between brackets, which PyYAML leaves out; and no more aliases
    than JSON could hold.
    """

    def scan_to_next_token(self) -> None:
        super().scan_to_next_token()
        while self.flow_level and self.peek() == "\t":
            self.forward()
            super().scan_to_next_token()

    def get_single_node(self) -> yaml.Node | None:
        node = super().get_single_node()
        if node is not None:
            _written_out(node, {})
        return node


_Loader.yaml_implicit_resolvers = {
    letter: [(tag, pattern) for tag, pattern in resolvers if tag != "tag:yaml.org,2002:timestamp"]
    for letter, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}
_GO_TEXTS = {"expected the node content": "did not find expected node content"}
_BOOLEANS = {"y": True, "n": False}
for _letter in "yYnN":
    _Loader.yaml_implicit_resolvers.setdefault(_letter, []).insert(0, ("tag:spo,short-bool", re.compile("^[yYnN]$")))
_Loader.add_constructor("tag:spo,short-bool", lambda loader, node: _BOOLEANS[node.value.lower()])


def load(body: bytes) -> Any:
    """Any JSON value. Raises Unreadable."""
    try:
        return _as_json(yaml.load(body, _Loader))
    except yaml.MarkedYAMLError as error:
        line = 1 + (error.problem_mark.line if error.problem_mark else 0)
        problem = _GO_TEXTS.get((error.problem or "").split(",")[0], error.problem)
        raise Unreadable(f"line {line}: {problem}") from None
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise Unreadable(str(error)) from None
    except RecursionError:
        raise Unreadable("exceeded max depth") from None


def _as_json(value: Any) -> Any:
    """What JSON can hold of a YAML value: texts as keys, finite numbers (sigs.k8s.io/yaml, convertToJSONableObject)."""
    match value:
        case dict():
            return {_key(key, inner): _as_json(inner) for key, inner in value.items()}
        case list() | tuple():
            return [_as_json(inner) for inner in value]
        case set():
            return {_key(key, None): None for key in value}
        case float() if not math.isfinite(value):
            shown = "NaN" if math.isnan(value) else "+Inf" if value > 0 else "-Inf"
            raise Unreadable(f"json: unsupported value: {shown}", of_yaml=False)
        case bytes():
            return value.decode("utf-8", "replace")
        case date():
            return value.isoformat()
    return value


def _key(key: Any, value: Any) -> str:
    match key:
        case str():
            return key
        case bool():
            return "true" if key else "false"
        case int() | float():
            return f"{key:g}" if isinstance(key, float) else str(key)
    kind, shown = ("%!s(<nil>)", "<nil>") if key is None else (type(key).__name__, str(key))
    told = json.dumps(value) if isinstance(value, str) else str(value)
    why = f"unsupported map key of type: {kind}, key: {shown}, value: {told}"
    raise Unreadable(why, of_yaml=False)


def repeated_keys(body: bytes) -> list[str]:
    """go-yaml's text for each key that stands again in its mapping, in order. The body is known to be YAML."""
    node = _Loader(body).get_single_node()
    return [] if node is None else list(_repeated(node))


def _repeated(node: yaml.Node) -> Iterator[str]:
    if isinstance(node, yaml.MappingNode):
        seen: set[str] = set()
        for key, value in node.value:
            if key.value in seen:
                yield f'line {key.start_mark.line + 1}: key "{key.value}" already set in map'
            seen.add(key.value)
            yield from _repeated(value)
    elif isinstance(node, yaml.SequenceNode):
        for value in node.value:
            yield from _repeated(value)


def dump(value: Any) -> bytes:
    """A JSON value as YAML, keys in order."""
    text: str = yaml.safe_dump(value, sort_keys=True, allow_unicode=True, width=1 << 20)
    return text.encode()


def _written_out(node: yaml.Node, known: dict[int, int]) -> int:
    """How many nodes this one has with each alias written out; `known`: those seen, 0 while one is being looked into.

    Ten lines that quote each other are a thousand million nodes, and one that quotes itself has no end.
    """
    if isinstance(node, yaml.ScalarNode):
        return 1
    if (size := known.get(id(node))) is None:
        known[id(node)] = 0
        inner = chain.from_iterable(node.value) if isinstance(node, yaml.MappingNode) else node.value
        size = 1 + sum(_written_out(each, known) for each in inner)
        if size > NODES_MAX:
            raise Unreadable("document contains excessive aliasing")
        known[id(node)] = size
    elif size == 0:
        raise Unreadable("anchor value contains itself")
    return size
