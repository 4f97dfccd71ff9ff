"""YAML request bodies, as sigs.k8s.io/yaml reads them. Apart, because PyYAML is slow to import."""

from __future__ import annotations

import re
from typing import Any

import yaml

from spo.sim.api.bodies import Unreadable


class _Loader(yaml.SafeLoader):
    """No timestamps; and the booleans `y` and `n`, which PyYAML leaves out."""


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
        return yaml.load(body, _Loader)
    except yaml.MarkedYAMLError as error:
        line = 1 + (error.problem_mark.line if error.problem_mark else 0)
        problem = _GO_TEXTS.get((error.problem or "").split(",")[0], error.problem)
        raise Unreadable(f"error converting YAML to JSON: yaml: line {line}: {problem}") from None
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise Unreadable(f"error converting YAML to JSON: yaml: {error}") from None


def dump(value: Any) -> bytes:
    """A JSON value as YAML, keys in order."""
    text: str = yaml.safe_dump(value, sort_keys=True, allow_unicode=True, width=1 << 20)
    return text.encode()
