"""On which line of a file a field stands, so that a refusal can name it. Looked up only when there is one."""

from __future__ import annotations

import re
from itertools import islice
from pathlib import Path
from typing import Any

import yaml

from spo.input.load import Source
from spo.input.yaml_documents import LOADER

STEP = re.compile(r"([^.\[\]]+)|\[(\d+)\]")
LARGEST = 4 << 20  # bytes: of larger files, the object's own line must do


def place_of(source: Source, field: str) -> str:
    """`file:line` of the field, or of the nearest thing around it that is there; of the object, if all else fails."""
    path = Path(source.file)
    try:
        if path.stat().st_size > LARGEST:
            return str(source)
        line = line_of(path.read_text(encoding="utf-8-sig"), source, field)
    except (OSError, ValueError, yaml.YAMLError, RecursionError):
        return str(source)
    return f"{source.file}:{line}"


def line_of(text: str, source: Source, field: str) -> int:
    """The line of a field, written like `spec.syscalls[0].action`, in the object at `source`."""
    node: Any = next(islice(yaml.compose_all(text, Loader=LOADER), source.document - 1, None), None)
    if source.item:
        node, _ = _step(node, "items", 0)
        node, _ = _step(node, source.item - 1, 0)
    line = source.line
    for key, index in STEP.findall(field):
        node, line = _step(node, key or int(index), line)
    return line


def _step(node: Any, step: str | int, line: int) -> tuple[Any, int]:
    """What is at a key or index, and its line; nothing, and the line so far, if there is no such thing."""
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            if key.value == step:
                return value, key.start_mark.line + 1
    if isinstance(node, yaml.SequenceNode) and isinstance(step, int) and step < len(node.value):
        return node.value[step], node.value[step].start_mark.line + 1
    return None, line
