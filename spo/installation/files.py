"""Manifests as YAML files: writing them, and telling whether those on disk are the ones that would be written."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import yaml

MADE_FROM_RENDER = "# Made from spo/render by `spo manifests`. Change it there.\n"  # how such files begin


class FilesError(Exception):
    """A directory or file cannot be read or written; the message names it and the reason."""


class _Plain(yaml.SafeDumper):
    """Writes the same list twice where it stands twice: anchors are for machines."""

    def ignore_aliases(self, data: Any) -> bool:
        return True


def in_yaml(manifests: Iterable[Mapping[str, Any]], *, compact: bool = False) -> str:
    """The manifests as one YAML stream, fields in the order they have. `compact`: lists of words on few lines."""
    flow = None if compact else False
    return yaml.dump_all(
        list(manifests), Dumper=_Plain, default_flow_style=flow, sort_keys=False, allow_unicode=True, width=118
    )


def write(directory: Path, texts: Mapping[str, str]) -> list[Path]:
    """Write these texts below the directory, making what is missing of it. Gives the paths, in the order given."""
    paths = []
    try:
        for name, text in texts.items():
            path = directory / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
            paths.append(path)
    except OSError as why:
        raise FilesError(f"{why.filename or directory}: {why.strerror}: give a directory that can be written") from why
    return paths


def differences(directory: Path, texts: Mapping[str, str]) -> list[str]:
    """What is not as it would be written, a line each: missing, different, or a manifest there that would not be.

    Directories into which nothing is written are somebody else's, and not looked into.
    """
    if not directory.is_dir():
        raise FilesError(f"{directory}: no such directory: leave out --check to have it made")
    ours = sorted({(directory / name).parent for name in texts})
    try:
        found = [path for each in ours for path in sorted(each.glob("*.yaml"))]
        found += [directory / name for name in texts if (directory / name).is_file()]
        there = {path.relative_to(directory).as_posix(): path for path in found}
        lines = [f"{directory / name}: missing" for name in texts if name not in there]
        for name, path in there.items():
            if name not in texts:
                lines.append(f"{path}: not one of ours")
            elif path.read_text(encoding="utf-8") != texts[name]:
                lines.append(f"{path}: differs")
    except (OSError, UnicodeDecodeError) as why:
        raise FilesError(f"{directory}: {why}") from why
    return lines
